"""The disks that this node was promised: which they are, and whether they may be written to.

A file system, an array or a volume group is ours if it has the UUID that follows from the
cluster, this node and its use, so a disk is known by what is on it: names change from boot to
boot, and another node's disk is never taken. Only what is blank is ever written to.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

from nodeseed_node.machine import Machine

MIB = 2**20
CLAIM = -(2**19)  # from the end: mkfs.ext4 writes the last 64 KiB, and nothing before them


def identity(m: Machine, use: str) -> str:
    """Give the UUID of what this node, and no other, keeps for a use.

    What lies on an array has another than the array, whose disks all show the array's.
    """
    config = m.config
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{config['clusterID']}/{config['node']}/{use}"))


def must(m: Machine, *command: str) -> str:
    """Run a program; give what it printed.

    Raises:
        OSError: It failed.
    """
    code, said = m.run(*command)
    if code:
        raise OSError(f"{command[0]}: {said}")
    return said


def held(m: Machine, device: str) -> list[list[str]]:
    """Give type, UUID and label of all that a device holds: file systems, partition tables, ..."""
    code, said = m.run("wipefs", "-J", device)
    if code:
        return [[said, "", ""]]
    rows = json.loads(said or "{}").get("signatures", [])
    return [[row[key] or "" for key in ("type", "uuid", "label")] for row in rows]


def blank(m: Machine, device: str, mine: str) -> bool:
    """Whether there is nothing on it: no signature anywhere, and zeros at both ends.

    What a cut left of a file system that was begun, and that nobody used, has our claim on it.
    """
    if held(m, device):
        return False
    with Path(device).open("rb") as file:
        first = file.read(MIB)
        file.seek(-MIB, 2)
        last = file.read()
    return last[CLAIM:].startswith(mine.encode()) or first + last == bytes(2 * MIB)


def put(device: str, at: int, data: bytes) -> None:
    """Write to a device itself, for good."""
    with Path(device).open("r+b") as file:
        file.seek(at, 2 if at < 0 else 0)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def disks(m: Machine) -> dict[str, int]:
    """Give all whole disks with their sizes in bytes."""
    found = {}
    # what is no hardware, such as loop and md, has no such link
    for link in sorted(m.path("sys/block").glob("*/device")):
        name = link.parent.name
        size = int(m.text(f"sys/block/{name}/size")) * 512
        if size and m.path(f"dev/{name}").exists():
            found[str(m.path(f"dev/{name}"))] = size
    return found


def find(m: Machine, asked: Any, mine: str) -> str:
    """Give the device that holds what is `mine`, or else the blank one that was asked for.

    Raises:
        OSError: There is none, or more than one; the text says what to do.
    """
    path, size = asked.get("path", ""), asked.get("size", 0)
    there = disks(m)
    named = str(m.path(path).resolve()) if m.path(path).exists() else ""
    if path and named:
        there.setdefault(named, 0)
    ours = [device for device in there if mine in [row[1] for row in held(m, device)]]
    if named in ours:
        return named
    wanted = [named] if path and named else [d for d in there if not path and there[d] >= size]
    fresh = [device for device in wanted if device not in ours and blank(m, device, mine)]
    if ours and path and fresh:
        raise OSError(f"it is on {ours[0]}, and blank /{path} was asked for: detach one of them")
    found = ours or fresh
    if len(found) > 1:
        raise OSError(f"{' and '.join(found)} both fit: name one by its id, or detach it")
    if found:
        return found[0]
    if path and named:
        what = ", ".join(" ".join(row).strip() for row in held(m, named)) or "unknown data"
        raise OSError(
            f"/{path} holds {what}, not this node's data (UUID {mine}): attach the right disk, or "
            f"wipe it: blkdiscard -zf {named}"
        )
    what = f"/{path}" if path else f"a blank disk of {size >> 30}Gi or more"
    seen = ", ".join(f"{device} of {there[device] >> 30}Gi" for device in there)
    raise OSError(f"waiting for {what}; there is {seen or 'no other disk'}")
