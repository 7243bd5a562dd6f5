"""Which data disks a machine is to be given, for tools that make them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.nodes.storage import volumes
from nodeseed.spec.storage import Disk

_GIB = 2**30


def disks(design: Design, machine: Machine) -> list[dict[str, Any]]:
    """The disks that ``storage:`` asks for on a machine: a name, and GiB where it names a size.

    A name says what the disk is for and never changes while that is asked for: ``etcd``,
    ``etcd-1`` and ``etcd-2`` of an array, ``data-1`` of a volume group.
    """
    return [
        {"name": name, "gib": None if disk.size is None else -(-disk.size // _GIB)}
        for name, disk in _named(design, machine)
    ]


def _named(design: Design, machine: Machine) -> Iterator[tuple[str, Disk]]:
    there = volumes(design, machine)
    for name, volume in there.items():
        if volume.disk is not None:
            yield name, volume.disk
        if volume.raid is not None:
            yield from _numbered(name, volume.raid.disks)
    groups = {volume.volume.group for volume in there.values() if volume.volume is not None}
    for group in design.cluster.storage.volumeGroups:
        if group.name in groups:
            yield from _numbered(group.name, group.raid.disks if group.raid else group.disks)


def _numbered(name: str, found: tuple[Disk, ...]) -> Iterator[tuple[str, Disk]]:
    for number, disk in enumerate(found, 1):
        yield f"{name}-{number}", disk
