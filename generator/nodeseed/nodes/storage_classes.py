"""StorageClasses, and the PersistentVolumes of disks that stay with their machines. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from nodeseed.spec.cluster import Cluster
from nodeseed.spec.storage import LocalVolume, StorageClass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassType:
    """One row of the table.

    Attributes:
        provisioner: the name that the driver registers.
        platform: where alone it works; None: anywhere.
        parameters: what the class says unless the operator says otherwise.
        required: parameters without which no volume can be made.
        binding: when a volume is made or chosen. What lies in a zone or on a machine waits for the
            pod, so that both end up in the same place.
        expansion: whether volumes can grow.
        reclaim: what becomes of a volume whose claim is gone.
        source: where the names come from.
    """

    provisioner: str
    platform: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    binding: str = "WaitForFirstConsumer"
    expansion: bool = True
    reclaim: str = "Delete"
    source: str


TYPES: Final[dict[str, ClassType]] = {
    "ebs": ClassType(
        provisioner="ebs.csi.aws.com",
        platform="aws",
        parameters={"type": "gp3"},
        source="aws-ebs-csi-driver, docs/parameters.md",
    ),
    "gce-pd": ClassType(
        provisioner="pd.csi.storage.gke.io",
        platform="gcp",
        parameters={"type": "pd-balanced"},
        source="gcp-compute-persistent-disk-csi-driver, README.md",
    ),
    "nfs": ClassType(
        provisioner="nfs.csi.k8s.io",
        required=("server", "share"),
        binding="Immediate",
        source="csi-driver-nfs, docs/driver-parameters.md",
    ),
    "local": ClassType(
        provisioner="kubernetes.io/no-provisioner",
        expansion=False,
        reclaim="Retain",
        source="kubernetes.io, Storage Classes: Local",
    ),
}


def class_name(row: StorageClass) -> str:
    """The name of the class, as claims write it."""
    return row.name or row.type or ""


def volume_name(row: StorageClass, volume: LocalVolume) -> str:
    """The name of a PersistentVolume: on another machine or at another path it is another one."""
    place = re.sub("[^a-z0-9]+", "-", volume.path.lower()).strip("-")
    return f"{class_name(row)}-{volume.node}-{place}"


def storage_objects(cluster: Cluster) -> list[dict[str, Any]]:
    """StorageClass and PersistentVolume objects, as the cluster step applies them."""
    found = []
    for row in cluster.storage.classes:
        found.append(_storage_class(row))
        found += [_local_volume(row, volume) for volume in row.volumes]
    return found


def _storage_class(row: StorageClass) -> dict[str, Any]:
    kind = TYPES[row.type] if row.type else ClassType(provisioner=row.provisioner or "", source="")
    metadata: dict[str, Any] = {"name": class_name(row)}
    if row.default:
        metadata["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    parameters = {**kind.parameters, **row.parameters}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": kind.provisioner,
        **({"parameters": parameters} if parameters else {}),
        "reclaimPolicy": row.reclaimPolicy or kind.reclaim,
        "volumeBindingMode": kind.binding,
        "allowVolumeExpansion": kind.expansion,
    }


def _local_volume(row: StorageClass, volume: LocalVolume) -> dict[str, Any]:
    local = {"path": volume.path}
    if volume.path.startswith("/dev/"):
        local["fsType"] = "ext4"
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [volume.node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(row, volume)},
        "spec": {
            "capacity": {"storage": volume.size},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": row.reclaimPolicy or "Retain",
            "storageClassName": class_name(row),
            "local": local,
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
