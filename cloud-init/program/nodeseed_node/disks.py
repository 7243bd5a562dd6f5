"""The disks that this node was promised: which they are, and whether they may be written to.

A file system, an array or a volume group is ours if it has the UUID that follows from the
cluster, this node and its use, so a disk is known by what is on it: names change from boot to
boot, and another node's disk is never taken. Only what is blank is ever written to.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from pathlib import Path
from typing import Any

from nodeseed_node.machine import Machine

MIB = 2**20
CLAIM = -(2**19)  # from the end: mkfs.ext4 writes the last 64 KiB, and nothing before them


def identity(m: Machine, use: str) -> str:
    """Give the UUID of what this node, and no other, keeps for a use."""
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
    with Path(device).open("rb") as file:
        first = file.read(MIB)
        file.seek(-MIB, 2)
        last = file.read()
    claimed = last[CLAIM:].startswith(mine.encode())
    return (claimed or first + last == bytes(2 * MIB)) and not held(m, device)


def put(device: str, at: int, data: bytes) -> None:
    """Write to a device itself, for good."""
    with Path(device).open("r+b") as file:
        file.seek(at, 2 if at < 0 else 0)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def clear(device: str) -> None:
    """Make what was just created blank, whatever its place on the disks held before."""
    put(device, 0, bytes(MIB))
    put(device, -MIB, bytes(MIB))


def disks(m: Machine) -> dict[str, int]:
    """Give all whole disks with their sizes in bytes."""
    found = {}
    for entry in sorted(m.path("sys/block").glob("*")):
        device = m.path("dev/" + entry.name.replace("!", "/"))
        size = int(m.text(f"sys/block/{entry.name}/size") or 0) * 512
        if size and device.exists() and not re.match("loop|z?ram|sr|fd|dm-|md|nbd", entry.name):
            found[str(device)] = size
    return found


def find(m: Machine, asked: Any, mine: str) -> str:
    """Give the device that holds what is `mine`, or else the blank one that was asked for.

    Raises:
        OSError: There is none, or more than one; the text says what to do.
    """
    path, size = asked.get("path", ""), asked.get("size", 0)
    there = disks(m)
    named = str(m.path(path).resolve()) if path and m.path(path).exists() else ""
    if named:
        there.setdefault(named, 0)
    ours = [device for device in there if mine in [row[1] for row in held(m, device)]]
    if named in ours:
        return named
    if len(ours) > 1:
        raise OSError(f"{' and '.join(ours)} hold the same: detach what is a copy")
    fresh = []
    for device in there:
        if device == named if path else there[device] >= size and device not in ours:
            try:
                if blank(m, device, mine):
                    fresh.append(device)
            except OSError:
                if path:
                    raise
    if ours and not (path and fresh):
        return ours[0]
    if ours:
        raise OSError(f"it is on {ours[0]}, but blank /{path} was asked for: detach one of them")
    if len(fresh) == 1:
        return fresh[0]
    if fresh:
        raise OSError(f"{' and '.join(fresh)} are blank and large enough: name one by its id")
    if named:
        what = ", ".join(" ".join(row).strip() for row in held(m, named)) or "unknown data"
        raise OSError(
            f"/{path} holds {what}, is not this node's (UUID {mine}), and stays as it is: attach "
            f"the right disk, or wipe this one: blkdiscard -zf {named}"
        )
    wanted = f"/{path}" if path else f"a blank disk of {size >> 30}Gi or more"
    seen = ", ".join(f"{device} of {there[device] >> 30}Gi" for device in there)
    raise OSError(f"waiting for {wanted}; there is {seen or 'no other disk'}")
