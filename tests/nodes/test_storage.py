"""Disks of the nodes and storage for pods: what each machine is told, and what it gets."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from nodeseed.nodes.storage import CLIENTS, storage_configuration, storage_packages
from nodeseed.nodes.storage_classes import TYPES
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import aws, put
from tests.nodes.disks import SIZE, TWO, ids, storage
from tests.nodes.test_software import binaries, packages

SYSTEMD = "/etc/systemd/system"


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
