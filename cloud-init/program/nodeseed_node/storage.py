"""File systems of this node's own disks: made once, mounted at every boot, never on a wrong disk.

cloud-config's fs_setup formats whatever has another label (cc_disk_setup.py, mkfs), does not wait,
and knows neither arrays nor volume groups. A mount unit that fails ends the start of whatever
requires it, for good; this step waits. It runs at every boot, and again before every start of
what needs a disk, which so never runs beside its disk.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodeseed_node.disks import CLAIM, find, held, identity, must, put
from nodeseed_node.machine import Machine

# The label of a file system that nobody has used yet, and of one that somebody may have; whatever
# label an operator gives it later means the same.
MADE, USED = "nodeseed-made", "nodeseed"
ETCD = "var/lib/etcd"

Deed = Callable[[Machine, str, str], None]  # for a place, and a folder on its file system


def nothing(_m: Machine, _place: str, _folder: str) -> None:
    """Do nothing: etcd finds its folder empty, or as it left it."""


def storage(m: Machine, fill: Deed = nothing, settle: Deed = nothing) -> int:
    """Bring every file system to its place; wait for its disk as long as it takes.

    Args:
        m: This machine.
        fill: Done once, in a new file system.
        settle: Done at every boot, before a folder of the file system covers its place.
    """
    places: list[str] = []
    with m.path("run/nodeseed/storage.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # units that need a disk run this step, too
        for volume in m.config["storage"]:
            m.until(
                lambda volume=volume: _bring(m, volume, places, fill, settle),
                about=f"{volume['name']}: ",
            )
    m.say(", ".join(dict.fromkeys(places)))
    return 0


def lies_on(m: Machine, place: str, device: str) -> bool:
    """Whether a folder is on the file system of a device; the folder is made if it lacks."""
    path = m.path(place)
    path.mkdir(0o700, parents=True, exist_ok=True)
    return path.stat().st_dev == Path(device).stat().st_rdev


def _bring(m: Machine, volume: Any, places: list[str], fill: Deed, settle: Deed) -> str:
    mine = identity(m, volume["name"])
    device = find(m, volume["disk"], mine)
    top = f"run/nodeseed/disks/{volume['name']}"
    if not lies_on(m, top, device):
        if m.path(ETCD + "/member").exists() and ETCD in volume["at"]:
            return f"/{ETCD}/member is on the root disk: move it away, on one machine at a time"
        if [row[2] for row in held(m, device)] in ([], [MADE]):
            _make(m, volume, device, mine, top, fill)
        code, said = m.run("fsck.ext4", "-p", device)
        if code > 3:
            return f"fsck.ext4 -p {device}: {said}"
        must(m, "mount", device, str(m.path(top)))
    for place in volume["at"]:
        if not lies_on(m, place, device):
            folder = f"{top}/{place[8:]}"
            m.path(folder).mkdir(0o700, exist_ok=True)
            settle(m, place, folder)
            if place == ETCD:  # should the disk go, nothing can be written in its place
                must(m, "mount", "-t", "tmpfs", "-o", "ro", "nodeseed", str(m.path(place)))
            must(m, "mount", "--bind", str(m.path(folder)), str(m.path(place)))
        places.append(f"/{place} is on {device}")
    return ""


def _make(m: Machine, volume: Any, device: str, mine: str, top: str, fill: Deed) -> None:
    """Make a file system, and fill it.

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
            fill(m, place, top)
    finally:
        must(m, "umount", target)
    put(device, CLAIM, bytes(len(mine)))  # and all that was written before is on the disk
    must(m, "e2label", device, USED)
