"""Bad disks, arrays, volumes and classes: each mistake with path, rule and cure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Change
from tests.nodes.changes import assert_refused, aws, put
from tests.nodes.disks import SIZE, TWO, ids, storage

GROUP = {"name": "data", "disks": TWO}


def local(*volumes: dict[str, Any]) -> Change:
    rows = [{"node": "worker-1", "path": "/srv/a", "size": "1Gi", **volume} for volume in volumes]
    return storage(classes=[{"type": "local", "volumes": rows}])


BAD: dict[str, tuple[list[Change], str]] = {
    "two sources": (
        [storage(etcd={**SIZE, "raid": {"level": 1, "disks": TWO}})],
        "storage.etcd: disk and raid: it must be one of them; write one of disk, raid, volume",
    ),
    "no source": (
        [storage(containers={"roles": ["worker"]})],
        "storage.containers: none of disk, raid, volume: it must be one of them; write one of",
    ),
    "a disk without a name": (
        [storage(etcd={"disk": {}})],
        "storage.etcd.disk: none of id, ids, path, size: it must be one of them; write one of id",
    ),
    "RAID of one disk": (
        [storage(etcd={"raid": {"level": 1, "disks": TWO[:1]}})],
        "storage.etcd.raid.disks: RAID 1 of 1: it takes 2 disks or more; list as many, or write",
    ),
    "RAID 10 of two disks": (
        [storage(etcd={"raid": {"level": 10, "disks": TWO}})],
        (
            "storage.etcd.raid.disks: RAID 10 of 2: it takes 4 disks or more (mdadm takes two or "
            "three, which is no more than a mirror); list as many, or write `level: 1`"
        ),
    ),
    "RAID 5": (
        [storage(etcd={"raid": {"level": 5, "disks": TWO}})],
        "storage.etcd.raid.level: 5 is not known here; write 1 or 10",
    ),
    "RAID by size": (
        [storage(etcd={"raid": {"level": 1, "disks": [{"size": "1Gi"}, {"size": "2Gi"}]}})],
        "storage.etcd.raid.disks[0].size: a size does not tell the disks of a RAID from others",
    ),
    "one disk for two": (
        [storage(etcd={"disk": TWO[0]}, containers={"disk": TWO[0]})],
        "storage.containers.disk: /dev/vdb is used twice on cp-1; name another disk",
    ),
    "one disk twice in an array": (
        [storage(etcd={"raid": {"level": 1, "disks": [TWO[0], TWO[0]]}})],
        "storage.etcd.raid.disks[1]: /dev/vdb is used twice on cp-1; name another disk",
    ),
    "one disk for etcd and a pod's volume": (
        [
            storage(
                etcd={"disk": TWO[0]},
                classes=[
                    {
                        "type": "local",
                        "volumes": [{"node": "cp-1", "path": "/dev/vdb", "size": "1Gi"}],
                    }
                ],
            )
        ],
        "storage.classes[0].volumes[0].path: /dev/vdb is used twice on cp-1; name another disk",
    ),
    "two disks of one size": (
        [storage(etcd=SIZE, containers=SIZE)],
        (
            "storage.containers.disk.size: two disks of the same least size cannot be told apart "
            "on cp-1; write different sizes"
        ),
    ),
    "etcd's disk on a worker": (
        [storage(etcd=ids("cp-1", "cp-2", "cp-3", "worker-1"))],
        "storage.etcd.disk.ids.worker-1: worker-1 has no use for this disk; take it out",
    ),
    "a disk of no node": (
        [storage(etcd=ids("cp-1", "cp-2", "cp-3", "cp-9"))],
        "storage.etcd.disk.ids.cp-9: there is no node cp-9; take it out",
    ),
    "a disk missing": (
        [storage(etcd=ids("cp-1", "cp-3"))],
        "storage.etcd.disk.ids: the disk of cp-2 is missing; add it: `ls /dev/disk/by-id`",
    ),
    "an ID that is a path": (
        [storage(etcd={"disk": {"id": "/dev/disk/by-id/x"}})],
        "storage.etcd.disk.id: '/dev/disk/by-id/x' is no disk's ID; write a name that",
    ),
    "a path that is no device": (
        [storage(etcd={"disk": {"path": "/mnt/x"}})],
        "storage.etcd.disk.path: '/mnt/x' is no device; write it such as /dev/disk/by-id",
    ),
    "a size without unit": (
        [storage(etcd={"disk": {"size": "20"}})],
        "storage.etcd.disk.size: '20' is no size; write it in Mi, Gi or Ti: 20Gi",
    ),
    "a size in digits that are none": (
        [storage(etcd={"disk": {"size": "\u00b2Gi"}})],
        "storage.etcd.disk.size: '\u00b2Gi' is no size; write it in Mi, Gi or Ti: 20Gi",
    ),
    "a name that means nothing on EC2": (
        [aws, storage(etcd={"disk": {"path": "/dev/sdf"}})],
        "storage.etcd.disk.path: names of disks on EC2 are NVMe's, in no order",
    ),
    "the temporary disk of Azure": (
        [put("platform", {"name": "azure"}), storage(etcd={"disk": {"path": "/dev/sdb"}})],
        "storage.etcd.disk.path: names of disks on Azure change, and /dev/sdb is often the temp",
    ),
    "a group that is not there": (
        [storage(etcd={"volume": {"group": "data"}})],
        "storage.etcd.volume.group: there is no volume group data; add it to storage.volumeGroups",
    ),
    "a group that nothing lies on": (
        [storage(volumeGroups=[GROUP])],
        "storage.volumeGroups[0]: nothing lies on volume group data; write `volume: {group: data}`",
    ),
    "a group of disks and an array": (
        [
            storage(
                etcd={"volume": {"group": "data"}},
                volumeGroups=[{**GROUP, "raid": {"level": 1, "disks": TWO}}],
            )
        ],
        "storage.volumeGroups[0]: disks and raid: it must be one of them; write one of disks, raid",
    ),
    "a group of a name that is taken": (
        [
            storage(
                etcd={"volume": {"group": "etcd"}}, volumeGroups=[{"name": "etcd", "disks": TWO}]
            )
        ],
        "storage.volumeGroups[0].name: etcd is taken; give each volume group a name of its own",
    ),
    "two that take the rest": (
        [
            storage(
                etcd={"volume": {"group": "data"}},
                containers={"volume": {"group": "data"}},
                volumeGroups=[GROUP],
            )
        ],
        "storage.containers.volume: etcd and containers both take the rest of data; write a size",
    ),
    "containers where none run": (
        [storage(containers={**SIZE, "roles": ["etcd"]})],
        "storage.containers.roles[0]: no container runs on an etcd node (etcd.run: systemd); take",
    ),
    "EBS elsewhere": (
        [storage(classes=[{"type": "ebs"}])],
        (
            "storage.classes[0].type: ebs.csi.aws.com makes volumes on aws alone, not on nocloud; "
            "write another type"
        ),
    ),
    "persistent disks elsewhere": (
        [aws, storage(classes=[{"type": "gce-pd"}])],
        "storage.classes[0].type: pd.csi.storage.gke.io makes volumes on gcp alone, not on aws",
    ),
    "NFS without a server": (
        [storage(classes=[{"type": "nfs"}])],
        "storage.classes[0]: nfs.csi.k8s.io needs to know server and share; write parameters:",
    ),
    "two defaults": (
        [
            storage(
                classes=[
                    {"type": "local", "default": True},
                    {"name": "own", "provisioner": "example.com/own", "default": True},
                ]
            )
        ],
        "storage.classes[1].default: local and own are both the default; keep `default: true` at",
    ),
    "a class twice": (
        [storage(classes=[{"type": "local"}, {"type": "local"}])],
        "storage.classes[1]: class local is there twice; write another `name`",
    ),
    "a type and a provisioner": (
        [storage(classes=[{"type": "local", "provisioner": "example.com/own"}])],
        "storage.classes[0]: a class has a type or a provisioner, one of them; write `type:`",
    ),
    "a provisioner without a name": (
        [storage(classes=[{"provisioner": "example.com/own"}])],
        "storage.classes[0]: a class of a provisioner's needs a name; write `name:`",
    ),
    "volumes of another type": (
        [
            storage(
                classes=[
                    {
                        "name": "own",
                        "provisioner": "example.com/own",
                        "volumes": [{"node": "worker-1", "path": "/srv", "size": "1Gi"}],
                    }
                ]
            )
        ],
        "storage.classes[0].volumes: only a class of type local has volumes that are listed",
    ),
    "a volume on no node": (
        [local({"node": "worker-9"})],
        "storage.classes[0].volumes[0].node: there is no Kubernetes node worker-9; write the name",
    ),
    "a volume in etcd's folder": (
        [local({"path": "/var/lib/etcd/pods"})],
        "storage.classes[0].volumes[0].path: /var/lib/etcd/pods and /var/lib/etcd lie in each",
    ),
    "volumes in each other": (
        [local({}, {"path": "/srv"})],
        "storage.classes[0].volumes[1].path: /srv and /srv/a lie in each other; choose a folder",
    ),
    "a volume twice": (
        [local({}, {})],
        "storage.classes[0].volumes[1]: local-worker-1-srv-a is there twice (also line",
    ),
    "a volume without a unit": (
        [local({"size": "10 GB"})],
        "storage.classes[0].volumes[0].size: '10 GB' is no quantity; write it such as 10Gi",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_path_rule_and_cure(name: str) -> None:
    assert_refused(*BAD[name])
