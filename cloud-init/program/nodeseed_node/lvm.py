"""Volume groups of this node's disks: activated where they are, created of blank disks only."""

from __future__ import annotations

from functools import partial
from typing import Any

from nodeseed_node.clear import clear
from nodeseed_node.disks import find, identity, must
from nodeseed_node.machine import Machine


def lvm(m: Machine) -> int:
    """Bring up every volume group with its volumes."""
    notes = []
    for group in m.config["volumeGroups"]:
        m.until(partial(_active, m, group), about=f"{group['name']}: ")
        notes.append(f"volume group {group['name']} is there")
    m.say("; ".join(notes))
    return 0


def _active(m: Machine, group: Any) -> str:
    """Activate or create a group; links tell the next step where its volumes are.

    Its name follows from the cluster and this node, so another one's is never taken for it.
    """
    mine = identity(m, f"group/{group['name']}")
    name = f"{group['name']}-{mine[:8]}"
    if m.run("vgs", name)[0]:
        must(m, "vgcreate", name, *[find(m, disk, mine) for disk in group["disks"]])
    must(m, "vgchange", "-ay", name)
    folder = m.path("run/nodeseed/volumes")
    folder.mkdir(parents=True, exist_ok=True)
    for volume, size in group["volumes"]:
        device = str(m.path(f"dev/{name}/{volume}"))
        if m.run("lvs", f"{name}/{volume}")[0]:
            room = ["-L", f"{size}b"] if size else ["-l", "100%FREE"]
            must(m, "lvcreate", "-y", "-n", volume, *room, name)
            clear(device)
        link = folder / volume
        link.unlink(missing_ok=True)
        link.symlink_to(device)
    return ""
