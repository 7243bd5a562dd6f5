"""Disks of the nodes and storage for pods: what each machine is told, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from nodeseed.errors import SpecError
from nodeseed.nodes.storage import CLIENTS, storage_configuration, storage_packages
from nodeseed.nodes.storage_classes import TYPES
from tests.conftest import Change, Workplace, design_of
from tests.nodes.test_checks import aws, put
from tests.nodes.test_software import binaries, packages

SYSTEMD = "/etc/systemd/system"
SIZE = {"disk": {"size": "20Gi"}}
TWO = [{"path": "/dev/vdb"}, {"path": "/dev/vdc"}]


def storage(**fields: Any) -> Change:
    text = json.dumps(fields)  # no object twice: YAML would make aliases of it
    return lambda spec: spec.update(storage=json.loads(text))


def ids(*nodes: str) -> dict[str, Any]:
    return {"disk": {"ids": {node: f"wwn-{node}" for node in nodes}}}


def local(*volumes: dict[str, Any]) -> Change:
    rows = [{"node": "worker-1", "path": "/srv/a", "size": "1Gi", **volume} for volume in volumes]
    return storage(classes=[{"type": "local", "volumes": rows}])


def static_etcd(spec: dict[str, Any]) -> None:
    spec["etcd"] = {"run": "static-pod"}
    spec["nodes"].append({"name": "etcd-1", "role": "etcd", "address": "10.0.0.31"})


def told(node: int, *changes: Change) -> dict[str, Any]:
    design = design_of(*changes)
    return storage_configuration(design, design.machines[node])


def test_each_machine_is_told_of_its_own_disks() -> None:
    change = storage(etcd=ids("cp-1", "cp-2", "cp-3"), containers=SIZE)
    containers = {
        "name": "containers",
        "at": ["var/lib/containerd", "var/lib/kubelet"],
        "disk": {"size": 20 * 2**30},
    }
    etcd = {"name": "etcd", "at": ["var/lib/etcd"], "disk": {"path": "dev/disk/by-id/wwn-cp-2"}}
    assert told(1, change) == {"storage": [containers, etcd]}
    assert told(3, change) == {"storage": [containers]}


def test_of_two_disks_by_size_the_larger_is_sought_first() -> None:
    change = storage(etcd=SIZE, containers={"disk": {"size": "1Ti"}})
    assert [row["name"] for row in told(0, change)["storage"]] == ["containers", "etcd"]


def test_an_array_and_a_volume_group_on_it() -> None:
    change = storage(
        etcd={"volume": {"group": "data", "size": "20Gi"}},
        containers={"volume": {"group": "data"}},
        volumeGroups=[{"name": "data", "raid": {"level": 1, "disks": TWO}}],
    )
    found = told(0, change)
    disks = [{"path": "dev/vdb"}, {"path": "dev/vdc"}]
    assert found["raids"] == [{"name": "data", "level": 1, "disks": disks}]
    assert found["volumeGroups"] == [
        {
            "name": "data",
            "disks": [{"path": "run/nodeseed/raid/data"}],
            "volumes": [["etcd", 20 * 2**30], ["containers", 0]],
        }
    ]
    paths = [row["disk"]["path"] for row in found["storage"]]
    assert paths == ["run/nodeseed/volumes/etcd", "run/nodeseed/volumes/containers"]
    assert told(3, change)["volumeGroups"][0]["volumes"] == [["containers", 0]]


def test_dedicated_etcd_nodes_have_containers_where_etcd_is_a_pod() -> None:
    change = storage(containers={**SIZE, "roles": ["worker", "etcd"]}, etcd={"disk": TWO[0]})
    names = [row["name"] for row in told(4, static_etcd, change)["storage"]]
    assert names == ["containers", "etcd"]
    assert told(0, static_etcd, change) == {}


def test_without_storage_a_machine_pays_no_byte(workplace: Workplace) -> None:
    workplace.render()
    for node in ("cp-1", "worker-1"):
        tree = workplace.tree(node)
        assert not [path for path in tree if "storage" in path]
        assert "storage" not in tree["/etc/nodeseed/config.json"]
        assert "wipefs" not in tree["/usr/local/lib/nodeseed/node.py"]


@pytest.mark.parametrize("run", ["systemd", "static-pod"])
def test_etcd_starts_only_after_a_look_at_its_disk(workplace: Workplace, run: str) -> None:
    workplace.write(storage(etcd=SIZE), put("etcd.run", run))
    workplace.render()
    tree = workplace.tree("cp-1")
    unit = "etcd" if run == "systemd" else "nodeseed-etcd"
    lines = tree[f"/etc/systemd/system/{unit}.service"].splitlines()
    first = next(line for line in lines if line.startswith("ExecStartPre="))
    assert first == "ExecStartPre=/usr/bin/python3 /usr/local/lib/nodeseed/node.py storage"
    assert "TimeoutStartSec=infinity" in lines
    program = tree["/usr/local/lib/nodeseed/node.py"]
    assert ('"static-pod-on-disk":' in program) == (run == "static-pod")
    assert "mkfs.ext4" in tree["/usr/local/lib/nodeseed/node.py"]
    assert "mdadm" not in tree["/usr/local/lib/nodeseed/node.py"]
    assert not [path for path in workplace.tree("worker-1") if "storage" in path]
    assert "node.py storage" not in tree["/etc/systemd/system/kubelet.service"]


def test_the_kubelet_starts_only_after_a_look_at_its_disk(workplace: Workplace) -> None:
    workplace.write(storage(containers=SIZE))
    workplace.render()
    for node in ("cp-1", "worker-1"):
        tree = workplace.tree(node)
        units = [text for path, text in tree.items() if path.endswith(".service")]
        assert len([text for text in units if "node.py storage-containers\n" in text]) == 2
        assert "node.py storage-containers" in tree["/etc/systemd/system/kubelet.service"]


def test_clients_are_installed_loaded_and_checked(workplace: Workplace) -> None:
    change = storage(clients=list(CLIENTS), etcd={"raid": {"level": 1, "disks": TWO}})
    design = design_of(packages(), change)
    worker = ["nfs-common", "open-iscsi", "ceph-common", "glusterfs-client"]
    assert storage_packages(design, design.machines[3]) == worker
    assert storage_packages(design, design.machines[0]) == [*worker, "e2fsprogs", "mdadm"]
    workplace.write(packages(), change)
    workplace.render()
    tree = workplace.tree("worker-1")
    modules = tree["/etc/modules-load.d/nodeseed-storage.conf"].split()
    assert modules == ["nfs", "nfsv4", "iscsi_tcp", "rbd", "ceph", "fuse"]
    programs = json.loads(tree["/etc/nodeseed/config.json"])["programs"]
    assert {"mount.nfs -V", "modprobe -n nfs", "iscsiadm -V"} <= programs.keys()
    assert "test:worker-1" in tree["/etc/iscsi/initiatorname.iscsi"]


def test_classes_are_applied_by_the_cluster_step(workplace: Workplace) -> None:
    classes = [
        {"type": "nfs", "default": True, "parameters": {"server": "nfs", "share": "/x"}},
        {"name": "own", "provisioner": "example.com/own", "reclaimPolicy": "Retain"},
        {
            "type": "local",
            "volumes": [{"node": "worker-1", "path": "/dev/disk/by-id/x", "size": "1Gi"}],
        },
    ]
    workplace.write(storage(classes=classes))
    workplace.render()
    text = workplace.tree("cp-1")["/etc/nodeseed/manifests/storage.yaml"]
    nfs, own, none, volume = [row for row in yaml.safe_load_all(text) if row]
    assert nfs["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert nfs["parameters"] == {"server": "nfs", "share": "/x"}
    assert (own["provisioner"], own["reclaimPolicy"]) == ("example.com/own", "Retain")
    assert none["provisioner"] == "kubernetes.io/no-provisioner"
    assert none["volumeBindingMode"] == "WaitForFirstConsumer"
    assert volume["metadata"]["name"] == "local-worker-1-dev-disk-by-id-x"
    assert volume["spec"]["local"] == {"path": "/dev/disk/by-id/x", "fsType": "ext4"}
    assert "storage.yaml" not in str(workplace.tree("worker-1").keys())


def test_a_class_of_a_cloud_is_for_that_cloud() -> None:
    for name, kind in TYPES.items():
        if kind.platform == "aws":
            design_of(aws, storage(classes=[{"type": name, "default": True}]))


GROUP = {"name": "data", "disks": TWO}
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
    changes, expected = BAD[name]
    with pytest.raises(SpecError) as refused:
        design_of(*changes)
    lines = str(refused.value).splitlines()
    assert any(expected in line for line in lines), "\n".join(lines)
    for problem in refused.value.problems:
        assert problem.line is not None
        assert problem.cure


@pytest.mark.parametrize("source", [packages(), binaries()], ids=["packages", "binaries"])
def test_disks_wait_for_the_unit_that_brings_their_programs(
    source: Change, workplace: Workplace
) -> None:
    workplace.write(source, storage(containers=SIZE))
    workplace.render()
    units = workplace.tree("worker-1")
    after = re.search(r"^After=(.+)$", units[f"{SYSTEMD}/nodeseed-storage.service"], re.M)
    assert after
    assert "nodeseed-software.service" in after[1].split()
    assert all(f"{SYSTEMD}/{unit}" in units for unit in after[1].split())
