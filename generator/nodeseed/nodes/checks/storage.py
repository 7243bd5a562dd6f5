"""Disks: each is meant once and without doubt, on machines that have a use for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.machine import Machine
from nodeseed.nodes.storage import selector, volumes_of
from nodeseed.spec.source import Path
from nodeseed.spec.storage import Disk, Raid, Volume

Listed = tuple[Path, Disk]

# Paths that are not the disk that one thinks of, by platform.
TRAPS: Final[dict[str, tuple[str, str, str]]] = {
    "aws": (
        r"/dev/(sd|xvd|nvme)",
        "names of disks on EC2 are NVMe's, in no order: /dev/sdf may be /dev/nvme1n1 or nvme2n1",
        "write `size:`, or `ids:` with each volume's nvme-Amazon_Elastic_Block_Store_vol…",
    ),
    "azure": (
        r"/dev/(sd|nvme)",
        "names of disks on Azure change, and /dev/sdb is often the temporary disk",
        "write `path: /dev/disk/azure/scsi1/lun0`, or /dev/disk/azure/data/by-lun/0 for NVMe",
    ),
}
LEAST: Final = {1: 2, 10: 4}


def disks(whole: Whole) -> Iterator[Problem]:
    """All of ``storage`` but its clients and classes."""
    listed: list[Listed] = []
    for name, volume in _all_volumes(whole):
        at: Path = ("storage", name)
        yield from _one_of(whole, at, volume, ("disk", "raid", "volume"))
        if volume.disk is not None:
            listed.append(((*at, "disk"), volume.disk))
        if volume.raid is not None:
            yield from _raid(whole, (*at, "raid"), volume.raid)
            listed += _numbered((*at, "raid", "disks"), volume.raid.disks)
    for index, group in enumerate(whole.cluster.storage.volumeGroups):
        at = ("storage", "volumeGroups", index)
        yield from _one_of(whole, at, group, ("disks", "raid"))
        if group.raid is not None:
            yield from _raid(whole, (*at, "raid"), group.raid)
            listed += _numbered((*at, "raid", "disks"), group.raid.disks)
        elif len(group.disks) > 1:
            yield from _by_size(whole, (*at, "disks"), group.disks, "volume group")
        listed += _numbered((*at, "disks"), group.disks)
    for at, disk in listed:
        yield from _one_of(whole, at, disk, ("id", "ids", "path", "size"))
        yield from _trap(whole, at, disk)
    yield from _groups(whole)
    yield from _roles(whole)
    yield from _on_each_machine(whole)


def _all_volumes(whole: Whole) -> Iterator[tuple[str, Volume]]:
    storage = whole.cluster.storage
    for name, volume in (("etcd", storage.etcd), ("containers", storage.containers)):
        if volume is not None:
            yield name, volume


def _numbered(at: Path, found: tuple[Disk, ...]) -> list[Listed]:
    return [((*at, index), disk) for index, disk in enumerate(found)]


def _one_of(whole: Whole, at: Path, block: object, names: tuple[str, ...]) -> Iterator[Problem]:
    """Exactly one of some keys."""
    given = [name for name in names if getattr(block, name)]
    if len(given) != 1:
        said = " and ".join(given) if given else f"none of {', '.join(names)}"
        yield whole.problem(
            at, f"{said}: it must be one of them", f"write one of {', '.join(names)}"
        )


def _raid(whole: Whole, at: Path, raid: Raid) -> Iterator[Problem]:
    least = LEAST[raid.level]
    if len(raid.disks) < least:
        more = " (mdadm takes two or three, which is no more than a mirror)"
        yield whole.problem(
            (*at, "disks"),
            f"RAID {raid.level} of {len(raid.disks)}: it takes {least} disks or more"
            f"{more if raid.level == 10 else ''}",
            "list as many, or write `disk:` for a single one"
            if raid.level == 1
            else "list as many, or write `level: 1`",
        )
    yield from _by_size(whole, (*at, "disks"), raid.disks, "RAID")


def _by_size(whole: Whole, at: Path, found: tuple[Disk, ...], what: str) -> Iterator[Problem]:
    """A disk is found by size where one is sought, not several."""
    for index, disk in enumerate(found):
        if disk.size is not None:
            yield whole.problem(
                (*at, index, "size"),
                f"a size does not tell the disks of a {what} from others",
                "write `id:`, `ids:` or `path:` for each of them",
            )


def _trap(whole: Whole, at: Path, disk: Disk) -> Iterator[Problem]:
    pattern, rule, cure = TRAPS.get(whole.cluster.platform.name, ("$^", "", ""))
    if disk.path is not None and re.match(pattern, disk.path):
        yield whole.problem((*at, "path"), rule, cure)


def _groups(whole: Whole) -> Iterator[Problem]:
    """Volumes and groups know each other, and what they take fits together."""
    groups = whole.cluster.storage.volumeGroups
    names = [group.name for group in groups]
    used: dict[str, list[str]] = {name: [] for name in names}
    for name, volume in _all_volumes(whole):
        if volume.volume is None:
            continue
        at: Path = ("storage", name, "volume")
        if volume.volume.group not in used:
            yield whole.problem(
                (*at, "group"), f"there is no volume group {volume.volume.group}",
                f"write one of {', '.join(names)}" if names else "add it to storage.volumeGroups",
            )  # fmt: skip
            continue
        used[volume.volume.group].append(name if volume.volume.size is None else "")
        rest = [other for other in used[volume.volume.group] if other]
        if len(rest) > 1:
            yield whole.problem(
                at, f"{' and '.join(rest)} both take the rest of {volume.volume.group}",
                "write a size for one of them",
            )  # fmt: skip
    for index, name in enumerate(names):
        at = ("storage", "volumeGroups", index)
        if name in ("etcd", "containers") or name in names[:index]:
            yield whole.problem(
                (*at, "name"), f"{name} is taken", "give each volume group a name of its own"
            )
        elif not used[name]:
            yield whole.problem(
                at, f"nothing lies on volume group {name}",
                f"write `volume: {{group: {name}}}` under storage.etcd or storage.containers, or "
                "take the group out",
            )  # fmt: skip


def _roles(whole: Whole) -> Iterator[Problem]:
    containers = whole.cluster.storage.containers
    if containers is None:
        return
    for index, role in enumerate(containers.roles):
        if role == "etcd" and whole.cluster.etcd.run == "systemd":
            yield whole.problem(
                ("storage", "containers", "roles", index),
                "no container runs on an etcd node (etcd.run: systemd)", "take etcd out",
            )  # fmt: skip


def _on_each_machine(whole: Whole) -> Iterator[Problem]:
    """What is written for all machines, as each of them reads it."""
    meant: dict[Path, set[str]] = {}
    for machine in whole.machines:
        found = list(_disks_of(whole, machine))
        for at, _ in found:
            meant.setdefault(at, set()).add(machine.name)
        yield from _apart(whole, machine, found)
    for at, disk in dict(_everywhere(whole)).items():
        if not disk.ids:
            continue
        for name in sorted(disk.ids.keys() - meant.get(at, set())):
            known = name in {machine.name for machine in whole.machines}
            yield whole.problem(
                (*at, "ids", name),
                f"{name} has no use for this disk" if known else f"there is no node {name}",
                "take it out",
            )
        lacking = sorted(meant.get(at, set()) - disk.ids.keys())
        if lacking:
            yield whole.problem(
                (*at, "ids"),
                f"the disk of {', '.join(lacking[:3])} is missing"
                + (f" (and of {len(lacking) - 3} more)" if lacking[3:] else ""),
                "add it: `ls /dev/disk/by-id` shows it there",
            )


def _everywhere(whole: Whole) -> Iterator[Listed]:
    for name, volume in _all_volumes(whole):
        yield from _disks_under(whole, name, volume)


def _disks_of(whole: Whole, machine: Machine) -> Iterator[Listed]:
    member = machine in whole.members
    for name, volume in volumes_of(whole.cluster, machine, member=member):
        yield from _disks_under(whole, name, volume)


def _disks_under(whole: Whole, name: str, volume: Volume) -> Iterator[Listed]:
    """The disks on which a file system lies, with their places in the file."""
    if volume.disk is not None:
        yield ("storage", name, "disk"), volume.disk
    if volume.raid is not None:
        yield from _numbered(("storage", name, "raid", "disks"), volume.raid.disks)
    for index, group in enumerate(whole.cluster.storage.volumeGroups):
        if volume.volume is not None and volume.volume.group == group.name:
            at: Path = ("storage", "volumeGroups", index)
            yield from _numbered((*at, "disks"), group.disks)
            if group.raid is not None:
                yield from _numbered((*at, "raid", "disks"), group.raid.disks)


def _apart(whole: Whole, machine: Machine, found: list[Listed]) -> Iterator[Problem]:
    """No disk of a machine is meant twice, for pods' volumes included."""
    seen: dict[str, Path] = {}
    for at, disk in dict(found).items():
        which = selector(disk, machine)
        if which.get("size") is None and "path" not in which:
            continue
        text = f"/{which['path']}" if "path" in which else f"the blank disk of {which['size']}"
        if text in seen and "path" in which:
            yield whole.problem(at, f"{text} is used twice on {machine.name}", "name another disk")
        elif text in seen:
            yield whole.problem(
                (*at, "size"),
                f"two disks of the same least size cannot be told apart on {machine.name}",
                "write different sizes, the larger one's above the smaller disk, or ids",
            )
        seen.setdefault(text, at)
    for number, row in enumerate(whole.cluster.storage.classes):
        for index, volume in enumerate(row.volumes):
            if volume.node == machine.name and volume.path in seen:
                yield whole.problem(
                    ("storage", "classes", number, "volumes", index, "path"),
                    f"{volume.path} is used twice on {machine.name}",
                    "name another disk",
                )
