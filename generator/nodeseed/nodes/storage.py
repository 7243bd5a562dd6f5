"""Disks, file systems and clients of network storage on one machine. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine, has_kubelet
from nodeseed.spec.cluster import Cluster
from nodeseed.spec.storage import Disk, Raid, Volume

PLACES: Final = {
    "etcd": ("/var/lib/etcd",),
    "containers": ("/var/lib/containerd", "/var/lib/kubelet"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a machine must have, from its image or by apt, for something to work.

    Attributes:
        packages: Debian's.
        programs: commands that tell whether it is there.
        modules: kernel modules, loaded at every boot.
    """

    packages: tuple[str, ...]
    programs: tuple[str, ...]
    modules: tuple[str, ...] = ()


CLIENTS: Final[dict[str, Needs]] = {
    "nfs": Needs(packages=("nfs-common",), programs=("mount.nfs -V",), modules=("nfs", "nfsv4")),
    "iscsi": Needs(packages=("open-iscsi",), programs=("iscsiadm -V",), modules=("iscsi_tcp",)),
    "ceph": Needs(packages=("ceph-common",), programs=("rbd --version",), modules=("rbd", "ceph")),
    "gluster": Needs(
        packages=("glusterfs-client",), programs=("glusterfs --version",), modules=("fuse",)
    ),
}
EXT4: Final = Needs(packages=("e2fsprogs",), programs=("mkfs.ext4 -V",))
RAID: Final = Needs(packages=("mdadm",), programs=("mdadm --version",))
LVM: Final = Needs(packages=("lvm2",), programs=("lvm version",))


def volumes_of(cluster: Cluster, machine: Machine, *, member: bool) -> Iterator[tuple[str, Volume]]:
    """The file systems that a machine has on disks of its own, by what they are for."""
    storage = cluster.storage
    if storage.etcd is not None and member:
        yield "etcd", storage.etcd
    containers = storage.containers
    if (
        containers is not None
        and machine.role in containers.roles
        and has_kubelet(cluster, machine)
    ):
        yield "containers", containers


def volumes(design: Design, machine: Machine) -> dict[str, Volume]:
    """The file systems that a machine has on disks of its own, by what they are for."""
    member = machine.name in design.etcd_names
    return dict(volumes_of(design.cluster, machine, member=member))


def selector(disk: Disk, machine: Machine) -> dict[str, Any]:
    """Which disk is meant on this machine: its path without leading slash, or its least size."""
    name = disk.ids.get(machine.name, disk.id)
    if name is not None:
        return {"path": f"dev/disk/by-id/{name}"}
    if disk.path is not None:
        return {"path": disk.path[1:]}
    return {"size": disk.size}


def storage_configuration(design: Design, machine: Machine) -> dict[str, Any]:
    """What config.json says of the machine's disks; empty where it has none of its own."""
    there = volumes(design, machine)
    if not there:
        return {}
    raids = [_raid(name, volume.raid, machine) for name, volume in there.items() if volume.raid]
    groups = []
    for group in design.cluster.storage.volumeGroups:
        inside = [
            [name, volume.volume.size or 0]
            for name, volume in there.items()
            if volume.volume is not None and volume.volume.group == group.name
        ]
        if not inside:
            continue
        disks = [selector(disk, machine) for disk in group.disks]
        if group.raid is not None:
            raids.append(_raid(group.name, group.raid, machine))
            disks = [{"path": f"run/nodeseed/raid/{group.name}"}]
        # what takes the rest comes last
        inside.sort(key=lambda row: not row[1])
        groups.append({"name": group.name, "disks": disks, "volumes": inside})
    # of two disks told apart by size, the larger one is found first
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "at": [place[1:] for place in PLACES[name]],
            "disk": _source(name, volume, machine),
        }
        for name, volume in there.items()
    ]
    rows.sort(key=lambda row: -row["disk"].get("size", 0))
    found: dict[str, Any] = {"storage": rows}
    if raids:
        found["raids"] = raids
    if groups:
        found["volumeGroups"] = groups
    return found


def _raid(name: str, raid: Raid, machine: Machine) -> dict[str, Any]:
    disks = [selector(disk, machine) for disk in raid.disks]
    return {"name": name, "level": raid.level, "disks": disks}


def _source(name: str, volume: Volume, machine: Machine) -> dict[str, Any]:
    if volume.disk is not None:
        return selector(volume.disk, machine)
    return {"path": f"run/nodeseed/{'raid' if volume.raid is not None else 'volumes'}/{name}"}


def needs(design: Design, machine: Machine) -> list[Needs]:
    """All that the machine's storage needs."""
    configuration = storage_configuration(design, machine)
    found = [CLIENTS[name] for name in clients(design, machine)]
    for key, what in (("storage", EXT4), ("raids", RAID), ("volumeGroups", LVM)):
        if key in configuration:
            found.append(what)
    return found


def clients(design: Design, machine: Machine) -> tuple[str, ...]:
    """The kinds of network storage that the machine can mount."""
    return design.cluster.storage.clients if machine.is_node else ()


def storage_packages(design: Design, machine: Machine) -> list[str]:
    """Debian packages for the machine's storage."""
    return [package for need in needs(design, machine) for package in need.packages]


def storage_programs(design: Design, machine: Machine) -> dict[str, str]:
    """What preflight asks for, in any version."""
    found = needs(design, machine)
    commands = [program for need in found for program in need.programs]
    commands += [f"modprobe -n {module}" for need in found for module in need.modules]
    return dict.fromkeys(commands, "")


def storage_values(design: Design, machine: Machine) -> dict[str, Any]:
    """What templates may use of the machine's storage."""
    configuration = storage_configuration(design, machine)
    there = volumes(design, machine)
    baked = design.cluster.kubernetes.software.source == "baked"
    return {
        "storage_etcd": "etcd" in there,
        "storage_containers": "containers" in there,
        "storage_step": "storage-containers" if "containers" in there else "storage",
        # the unit that brings mkfs, mdadm and lvm along, whichever way
        "storage_after": "" if baked else " nodeseed-software.service",
        "storage_raid": "raids" in configuration,
        "storage_lvm": "volumeGroups" in configuration,
        "storage_modules": [m for name in clients(design, machine) for m in CLIENTS[name].modules],
    }
