"""File systems of this node's own disks: made once, mounted at every boot, never on a wrong disk.

cloud-config's fs_setup formats whatever has another label (cc_disk_setup.py, mkfs), does not wait,
and knows neither arrays nor volume groups. A mount unit that fails ends the start of whatever
requires it, for good; this step waits. It runs at every boot, and again before every start of
what needs a disk, which so never runs beside its disk.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

from nodeseed_node.disks import CLAIM, find, held, identity, must, put
from nodeseed_node.install import RECORD
from nodeseed_node.machine import Machine

# A file system's label says how far it is: made but perhaps not filled; filled, with what it was
# filled from still there; in use. Whatever label an operator gives it later means the last.
MADE, FILLED, USED = "nodeseed-made", "nodeseed-filled", "nodeseed"
ETCD, CONTAINERD = "var/lib/etcd", "var/lib/containerd"


def storage(m: Machine) -> int:
    """Bring every file system to its place; wait for its disk as long as it takes."""
    places: list[str] = []
    m.path("run/nodeseed").mkdir(parents=True, exist_ok=True)
    with m.path("run/nodeseed/storage.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # units that need a disk run this step, too
        for volume in m.config["storage"]:
            name = volume["name"]
            m.until(lambda volume=volume: _bring(m, volume, places), about=f"{name}: ")
    m.say(", ".join(dict.fromkeys(places)))
    return 0


def lies_on(m: Machine, place: str, device: str) -> bool:
    """Whether a folder is on the file system of a device."""
    path = m.path(place)
    return path.exists() and path.stat().st_dev == Path(device).stat().st_rdev


def _bring(m: Machine, volume: Any, places: list[str]) -> str:
    name = volume["name"]
    mine = identity(m, name)
    device = find(m, volume["disk"], mine)
    top = f"run/nodeseed/disks/{name}"
    m.path(top).mkdir(parents=True, exist_ok=True)
    for place in volume["at"]:
        m.path(place).mkdir(0o700 if place == ETCD else 0o755, parents=True, exist_ok=True)
    # it has been up since the boot, on the root disk
    containerd = CONTAINERD in volume["at"] and not lies_on(m, CONTAINERD, device)
    if containerd:
        m.run("systemctl", "stop", "containerd")
    if not lies_on(m, top, device):
        (label,) = {row[2] for row in held(m, device) if row[1] == mine} or {MADE}
        if label == MADE:
            if "/run/containerd/" in m.text("proc/mounts"):
                return f"reboot this machine: {device} is filled before any container runs"
            _make(m, volume, device, mine, top)
            label = FILLED
        for place in volume["at"]:
            # only what was copied from there may go; both are there if a disk was out of use
            old = f"{place}/member"
            if m.path(old).exists():
                if label != FILLED:
                    return f"/{old} is on the root disk and on {device}: remove the older one"
                m.remove(old)
        if label == FILLED:
            os.sync()
            must(m, "e2label", device, USED)
        code, said = m.run("fsck.ext4", "-p", device)
        if code > 3:
            return f"{device} needs you: fsck.ext4 -p says: {said.splitlines()[-1]}"
        must(m, "mount", device, str(m.path(top)))
    for place in volume["at"]:
        if not lies_on(m, place, device):
            _bind(m, top, place)
        places.append(f"/{place} is on {device}")
    if containerd:
        m.run("systemctl", "--no-block", "start", "containerd")
    return ""


def _make(m: Machine, volume: Any, device: str, mine: str, top: str) -> None:
    """Make a file system, and fill it with what its places hold on the root disk.

    Cut at any point, it is made again: until the label changes nobody has used it.
    """
    m.say(f"{volume['name']}: formatting {device}")
    put(device, CLAIM, mine.encode())
    # discarding would take the claim away
    must(m, "mkfs.ext4", "-q", "-E", "nodiscard", "-L", MADE, "-U", mine, device)
    target = str(m.path(top))
    must(m, "mount", device, target)
    try:
        for place in volume["at"]:
            must(m, "cp", "-a", str(m.path(place)), target)
    finally:
        must(m, "umount", target)
    put(device, CLAIM, bytes(len(mine)))
    must(m, "e2label", device, FILLED)
    os.sync()


def _bind(m: Machine, top: str, place: str) -> None:
    """Put a folder of the file system in its place, with what the installer left there."""
    source = f"{top}/{place.rpartition('/')[2]}"
    m.path(source).mkdir(exist_ok=True)
    for name in m.load(RECORD).get("files", []):
        path = m.path(name)
        if name.startswith(f"{place}/") and path.exists():
            m.write(source + name[len(place) :], path.read_bytes(), path.stat().st_mode & 0o777)
            m.remove(name)
    if place == ETCD:  # if the disk goes while we run, nothing can be written in its place
        must(m, "mount", "-t", "tmpfs", "-o", "ro", "nodeseed", str(m.path(place)))
    must(m, "mount", "--bind", str(m.path(source)), str(m.path(place)))
