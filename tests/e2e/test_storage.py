"""Disks of the machines: data outlives its machine, and a disk that is not ours stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed_lab.lab import Lab
from tests.e2e import boots
from tests.e2e.conftest import Ground
from tests.e2e.test_etcd import has_the_data, members
from tests.e2e.workload import eventually

VOLUME = {"node": "worker-1", "path": "/dev/disk/by-id/lab-data", "size": "1Gi"}


def with_disks(spec: dict[str, Any]) -> None:
    spec["storage"] = {
        "etcd": {"disk": {"id": "lab-etcd"}},
        "containers": {"disk": {"id": "lab-containers"}, "roles": ["worker"]},
        "classes": [{"type": "local", "default": True, "volumes": [dict(VOLUME)]}],
    }


@pytest.fixture(scope="module")
def cluster(ground: Ground) -> Lab:
    """Ready, with disks for etcd and for the containers of workers."""
    lab = ground.prepare("e2e-disks", 19, with_disks)
    lab.boot()
    lab.wait_ready()
    return lab


def source(lab: Lab, node: str, place: str) -> str:
    """The device that a folder of a machine lies on."""
    shown = lab.machines[node].run("findmnt", "-no", "SOURCE", place)
    return shown.splitlines()[-1].partition("[")[0]


def test_etcd_and_containers_lie_on_disks_of_their_own(cluster: Lab) -> None:
    places = [(machine.name, "/var/lib/etcd") for machine in cluster.design.control_planes]
    for node in ("worker-1", "worker-2"):
        places += [(node, "/var/lib/containerd")]
        assert source(cluster, node, "/var/lib/kubelet") == source(
            cluster, node, "/var/lib/containerd"
        )
    devices = [source(cluster, node, place) for node, place in places]
    assert len(set(devices)) == len(places)  # the host's loop devices: no machine has another's
    assert all(device.startswith("/dev/loop") for device in devices)
    said = cluster.machines["cp-1"].steps()["storage"]
    assert said == f"/var/lib/etcd is on {devices[0]}"


def test_a_replacement_with_the_disk_is_the_member_that_it_was(cluster: Lab) -> None:
    cluster.kubectl("create", "configmap", "kept")
    before = members(cluster)

    cluster.machines["cp-3"].wipe()  # the disk is not the machine's

    boots.settled(cluster, "cp-3")
    assert members(cluster) == before
    assert has_the_data(cluster.machines["cp-3"])
    log = cluster.machines["cp-3"].run(
        "journalctl", "-u", "nodeseed-storage", "-o", "cat", "--no-pager"
    )
    assert "formatting" not in log


def says(lab: Lab, node: str, text: str) -> None:
    machine = lab.machines[node]
    eventually(f"{node} says {text}", lambda: text in machine.steps().get("storage", ""), 90)
    assert machine.exec("pgrep", "-x", "etcd|kubelet")[0] == 1


def test_a_missing_disk_is_waited_for_and_another_one_is_not_formatted(cluster: Lab) -> None:
    before = members(cluster)
    machine, other = cluster.machines["cp-2"], cluster.machines["cp-1"]
    image, kept = "/disks/cp-2/lab-etcd.img", "/disks/cp-2/kept.img"
    machine.stop()
    other.run("mv", image, kept)
    machine.start()
    says(cluster, "cp-2", "etcd: waiting for /dev/disk/by-id/lab-etcd; there is ")

    other.run("truncate", "-s", "64M", image)
    other.run("mkfs.ext4", "-q", "-L", "nodeseed", image)
    digest = other.run("sha256sum", image)
    machine.plug("lab-etcd")
    says(cluster, "cp-2", "attach the right disk, or wipe it")
    assert other.run("sha256sum", image) == digest

    other.run("mv", kept, image)
    machine.plug("lab-etcd")
    boots.settled(cluster, "cp-2")
    assert members(cluster) == before
    assert has_the_data(machine)
