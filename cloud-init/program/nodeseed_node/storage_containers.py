"""The same where containerd and the kubelet have a disk: they have files on the root disk, too.

An image brings container images along, containerd runs from the boot on, and the installer puts
the kubelet's configuration into its folder before that is mounted.
"""

from __future__ import annotations

from nodeseed_node.disks import must
from nodeseed_node.install import RECORD
from nodeseed_node.machine import Machine
from nodeseed_node.storage import storage


def storage_containers(m: Machine) -> int:
    """Bring every file system to its place, with what belongs into it."""
    m.step = "storage"

    def running() -> str:
        disk = m.path("run/nodeseed/disks/containers")
        text = "reboot this machine: containers run on the root disk"
        return text if "/run/containerd/" in m.text("proc/mounts") and not disk.is_mount() else ""

    m.until(running)
    storage(m, _fill, _settle)
    m.run("systemctl", "--no-block", "start", "containerd")
    return 0


def _stop(m: Machine, place: str) -> None:
    if place == "var/lib/containerd":
        m.run("systemctl", "stop", "containerd")


def _fill(m: Machine, place: str, top: str) -> None:
    """Copy what a place holds on the root disk into a new file system."""
    _stop(m, place)
    m.path(place).mkdir(0o700, parents=True, exist_ok=True)
    must(m, "cp", "-a", str(m.path(place)), str(m.path(top)))


def _settle(m: Machine, place: str, folder: str) -> None:
    """Move what the installer left since the last boot: it is newer than what the disk has."""
    _stop(m, place)
    for name in m.load(RECORD).get("files", []):
        path = m.path(name)
        if name.startswith(f"{place}/") and path.exists():
            m.write(folder + name[len(place) :], path.read_bytes(), path.stat().st_mode & 0o777)
            m.remove(name)
