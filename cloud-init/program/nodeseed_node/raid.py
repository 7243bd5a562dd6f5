"""Arrays of this node's disks: assembled where they are, created of blank disks only."""

from __future__ import annotations

from functools import partial
from typing import Any

from nodeseed_node.clear import clear
from nodeseed_node.disks import disks, find, held, identity, must
from nodeseed_node.machine import Machine

PATIENCE = 30  # seconds for the last disks of an array to show up


def raid(m: Machine) -> int:
    """Bring up every array, without its missing disks if need be, and say so."""
    notes = []
    for array in m.config["raids"]:
        name = array["name"]
        m.until(partial(_assembled, m, array, m.uptime() + PATIENCE), about=f"{name}: ")
        device = m.path(f"run/nodeseed/raid/{name}").resolve().name
        missing = int(m.text(f"sys/block/{device}/md/degraded") or 0)
        note = f"{name} is /dev/{device}"
        if missing:
            note += (
                f", DEGRADED: {missing} of {len(array['disks'])} disks missing; wipe a new one "
                f"and add it: mdadm /dev/{device} --add DISK"
            )
        notes.append(note)
    m.say("; ".join(notes))
    return 0


def _assembled(m: Machine, array: Any, end: float) -> str:
    """Assemble or create an array; a link tells the next steps where it is.

    What cannot be told apart from a degraded array is taken for one: an array is never created
    where a single disk carries its mark.
    """
    name, asked = array["name"], array["disks"]
    mine = identity(m, f"raid/{name}")
    running, active = _running(m, mine)
    if not active:
        named = [m.path(disk["path"]) for disk in asked]
        there = {*disks(m), *(str(path.resolve()) for path in named if path.exists())}
        members = sorted(d for d in there if mine in [row[1] for row in held(m, d)])
        if not members:
            fresh = [find(m, disk, mine) for disk in asked]
            options = [f"--level={array['level']}", f"--raid-devices={len(asked)}"]
            options += ["--run", "--metadata=1.2", "--homehost=any", "--bitmap=internal"]
            must(m, "mdadm", "--create", f"/dev/md/{name}", f"--uuid={mine}", *options, *fresh)
            running = _running(m, mine)[0]
            clear(running)
        elif len(members) < len(asked) and m.uptime() < end:
            return f"{len(members)} of {len(asked)} disks are there, waiting for the others"
        else:
            if running:  # udev has begun, and waits for all
                must(m, "mdadm", "--stop", running)
            must(m, "mdadm", "--assemble", "--run", f"/dev/md/{name}", *members)
            running = _running(m, mine)[0]
    link = m.path(f"run/nodeseed/raid/{name}")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(running)
    return ""


def _running(m: Machine, mine: str) -> tuple[str, bool]:
    """Give the device of an array that the kernel knows, and whether it can be used."""
    for entry in m.path("sys/block").glob("md*"):
        device = str(m.path(f"dev/{entry.name}"))
        shown = m.run("mdadm", "--detail", "--export", device)[1]
        if f"MD_UUID={mine}".replace("-", "") in shown.replace(":", ""):
            state = m.text(f"sys/block/{entry.name}/md/array_state").strip()
            return device, state not in ("inactive", "clear")
    return "", False
