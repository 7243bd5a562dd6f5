"""Data disks of the lab's machines: files on one volume of the cluster, attached as loop devices.

They are the cluster's and not the machines': a disk outlives the machine, and moves to another one
as its file moves. A disk is whatever the cluster file names by an ID on some machine.
"""

from __future__ import annotations

from typing import Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.nodes.storage import storage_configuration

FOLDER: Final = "/disks"
BY_ID: Final = "/dev/disk/by-id/"
SIZE: Final = "2G"

# Attaches the disks that are named, as far as their files are there; makes each file once. The loop
# device is free again when the last of its users is gone, and the sleeping one is until the machine
# is off. Of the host's loop devices a machine sees its own alone.
PLUG: Final = f"""
set -e
cd {FOLDER}
mkdir -p "$HOSTNAME" {BY_ID}
[ -c /dev/loop-control ] || mknod /dev/loop-control c 10 237
for number in $(seq 0 127); do
  [ -b /dev/loop$number ] || mknod /dev/loop$number b 7 $number
done
for disk in "$@"; do
  image=$HOSTNAME/$disk.img
  if [ ! -e "$HOSTNAME/$disk.made" ]; then
    truncate -s {SIZE} "$image"
    touch "$HOSTNAME/$disk.made"
  fi
  [ -e "$image" ] || continue
  loop=$(losetup --noheadings --output NAME --associated "$image" | head -n 1)
  [ -n "$loop" ] || loop=$(losetup --find --show "$image")
  exec 3<"$loop"
  setsid sleep infinity <&3 >/dev/null 2>&1 &
  losetup --detach "$loop"
  exec 3<&-
  ln -sfn "$loop" "{BY_ID}$disk"
done
for loop in /dev/loop[0-9]*; do
  readlink {BY_ID}* | grep -qx "$loop" || rm "$loop"
done
"""


def disk_names(design: Design, machine: Machine) -> tuple[str, ...]:
    """IDs of the disks that a machine is to have."""
    configuration = storage_configuration(design, machine)
    rows = [row["disk"] for row in configuration.get("storage", [])]
    for key in ("raids", "volumeGroups"):
        rows += [disk for row in configuration.get(key, []) for disk in row["disks"]]
    paths = [f"/{row['path']}" for row in rows if "path" in row]
    paths += [
        volume.path
        for row in design.cluster.storage.classes
        for volume in row.volumes
        if volume.node == machine.name
    ]
    return tuple(path.removeprefix(BY_ID) for path in paths if path.startswith(BY_ID))


def disk_volume(design: Design) -> str | None:
    """The volume with the disks of all machines; None where there are no disks."""
    if any(disk_names(design, machine) for machine in design.machines):
        return f"{design.cluster.name}-disks"
    return None
