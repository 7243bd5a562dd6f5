"""Disks of the nodes and storage for pods: the ``storage`` block of the cluster file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from nodeseed.spec.fields import (
    Block,
    DnsLabel,
    Form,
    Line,
    NodePath,
    Text,
    Unique,
    in_bytes,
    refusal,
)

_LISTS = Field(strict=False)
_SIZE = re.compile("[1-9][0-9]{0,5}[MGT]i")

Client = Literal["nfs", "iscsi", "ceph", "gluster"]


def size(value: Any) -> int:
    """Bytes of ``20Gi``."""
    text = str(value)
    if not _SIZE.fullmatch(text):
        raise refusal(f"{text!r} is no size", "write it in Mi, Gi or Ti: 20Gi")
    return in_bytes(text)


def device(value: Any) -> str:
    """A block device's path."""
    text = str(value)
    if not text.startswith("/dev/") or any(part in ("", ".", "..") for part in text[5:].split("/")):
        raise refusal(f"{text!r} is no device", "write it such as /dev/disk/by-id/… or /dev/vdb")
    return text


def disk_id(value: Any) -> str:
    """A name in /dev/disk/by-id."""
    text = str(value)
    if not text or "/" in text or text.startswith("."):
        raise refusal(
            f"{text!r} is no disk's ID", "write a name that `ls /dev/disk/by-id` shows, no path"
        )
    return text


Size = Annotated[int, PlainValidator(size), Form("size such as 20Gi")]
DevicePath = Annotated[str, PlainValidator(device), Form("path of a block device")]
DiskId = Annotated[str, PlainValidator(disk_id), Form("name in /dev/disk/by-id")]


class Disk(Block):
    """Which disk is meant: by one of these."""

    id: DiskId | None = Field(
        default=None, description="Its name in /dev/disk/by-id, the same on every machine."
    )
    ids: dict[DnsLabel, DiskId] = Field(
        default_factory=dict, description="Its name in /dev/disk/by-id on each machine, by node."
    )
    path: DevicePath | None = Field(
        default=None,
        description="Its path. A name such as /dev/sdb may change from boot to boot; it counts "
        "only until the disk is formatted.",
    )
    size: Size | None = Field(
        default=None, description="The one blank disk that has at least this size."
    )


Disks = Annotated[tuple[Disk, ...], _LISTS, Field(min_length=1)]


class Raid(Block):
    """An array of disks, by mdadm."""

    level: Literal[1, 10] = Field(
        description="1: two disks or more, each with all. 10: four or more."
    )
    disks: Disks = Field(description="Its disks.")


class GroupVolume(Block):
    """A logical volume."""

    group: DnsLabel = Field(description="One of storage.volumeGroups.")
    size: Size | None = Field(default=None, description="Default: what the others leave.")


class Volume(Block):
    """Where a file system lies: on one of these."""

    disk: Disk | None = Field(default=None, description="A disk.")
    raid: Raid | None = Field(default=None, description="An array of disks.")
    volume: GroupVolume | None = Field(default=None, description="A logical volume.")


class ContainersVolume(Volume):
    """Where a file system lies: on one of these."""

    roles: Annotated[
        tuple[Literal["control-plane", "worker", "etcd"], ...], _LISTS, Field(min_length=1), Unique
    ] = Field(
        default=("control-plane", "worker"), description="On which machines; the others have none."
    )


class VolumeGroup(Block):
    """An LVM volume group over disks, or over an array of disks."""

    name: DnsLabel = Field(description="What a volume names it by.")
    disks: Annotated[tuple[Disk, ...], _LISTS] = Field(default=(), description="Its disks.")
    raid: Raid | None = Field(default=None, description="Or the array that it lies on.")


class LocalVolume(Block):
    """A PersistentVolume on one machine."""

    node: DnsLabel = Field(description="The machine.")
    path: NodePath = Field(
        description="A folder, or a block device, which the kubelet formats if it is blank."
    )
    size: Line = Field(description="Its capacity, in Kubernetes' notation.")


class StorageClass(Block):
    """A StorageClass; the CSI driver behind it is yours to list under `manifests`."""

    name: DnsLabel | None = Field(default=None, description="Default: that of its type.")
    type: Literal["ebs", "gce-pd", "nfs", "local"] | None = Field(
        default=None, description="One of the table in docs/storage.md."
    )
    provisioner: Line | None = Field(
        default=None, description="Instead of a type: any provisioner's name."
    )
    default: bool = Field(default=False, description="Taken by claims that name no class.")
    parameters: dict[Line, Text] = Field(
        default_factory=dict, description="The provisioner's parameters, over its type's."
    )
    reclaimPolicy: Literal["Delete", "Retain"] | None = Field(  # noqa: N815
        default=None, description="Default: Delete; Retain for `local`."
    )
    volumes: Annotated[tuple[LocalVolume, ...], _LISTS] = Field(
        default=(), description="For `local`: the volumes that there are."
    )


class Storage(Block):
    """Disks of the nodes, clients of network storage, StorageClasses."""

    etcd: Volume | None = Field(
        default=None, description="/var/lib/etcd, on every machine that runs etcd."
    )
    containers: ContainersVolume | None = Field(
        default=None, description="/var/lib/containerd and /var/lib/kubelet."
    )
    volumeGroups: Annotated[tuple[VolumeGroup, ...], _LISTS] = Field(  # noqa: N815
        default=(), description="LVM volume groups."
    )
    clients: Annotated[tuple[Client, ...], _LISTS, Unique] = Field(
        default=(), description="What machines with a kubelet can mount over the network."
    )
    classes: Annotated[tuple[StorageClass, ...], _LISTS] = Field(
        default=(), description="StorageClasses."
    )
