"""Disks of the machines: data outlives its machine, and a disk that is not ours stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from nodeseed.nodes.storage_classes import storage_objects
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import prepare
from nodeseed_lab.lab import Lab
from tests.e2e import boots
from tests.e2e.conftest import Ground
from tests.e2e.etcd import has_the_data, members
from tests.e2e.workload import PROBE, eventually, items, ready

MOUNTS = "/var/lib/kubelet/plugins/kubernetes.io/local-volume/mounts"
VOLUME = {"node": "worker-1", "path": "/dev/disk/by-id/lab-data", "size": "1Gi"}


def with_disks(spec: dict[str, Any]) -> None:
    spec["storage"] = {
        "etcd": {"disk": {"id": "lab-etcd"}},
        "containers": {"disk": {"id": "lab-containers"}, "roles": ["worker"]},
        "classes": [{"type": "local", "default": True, "volumes": [dict(VOLUME)]}],
    }


def moved(spec: dict[str, Any]) -> None:
    spec["storage"]["classes"][0]["volumes"][0]["node"] = "worker-2"


STATEFUL_SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "data", "namespace": "default"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "data"}},
        "serviceName": "data",
        "template": {
            "metadata": {"labels": {"app": "data"}},
            "spec": {
                "containers": [
                    {
                        **PROBE,
                        "name": "data",
                        "args": ["sleep"],
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    }
                ]
            },
        },
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def cluster(ground: Ground) -> Lab:
    """Ready, with disks for etcd and for the containers of workers."""
    lab = ground.prepare("e2e-disks", 19, with_disks)
    lab.boot()
    lab.wait_ready()
    return lab


def test_etcd_and_containers_lie_on_disks_of_their_own(cluster: Lab) -> None:
    places = [(machine.name, "/var/lib/etcd") for machine in cluster.design.control_planes]
    for node in ("worker-1", "worker-2"):
        places += [(node, "/var/lib/containerd")]
        assert boots.source(cluster, node, "/var/lib/kubelet") == boots.source(
            cluster, node, "/var/lib/containerd"
        )
    devices = [boots.source(cluster, node, place) for node, place in places]
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


def test_a_volume_of_a_pod_goes_on_with_another_machine(cluster: Lab) -> None:
    kubectl = cluster.kubectl
    apply = ("apply", "--server-side", "--filename=-")
    kubectl(*apply, stdin=yaml.safe_dump(STATEFUL_SET))

    def runs_on(node: str) -> bool:
        pods = items(cluster, "pods", "--selector=app=data")
        return any(ready(pod) and pod["spec"]["nodeName"] == node for pod in pods)

    eventually("the pod has its volume", lambda: runs_on("worker-1"))
    first, second = cluster.machines["worker-1"], cluster.machines["worker-2"]
    first.run("sh", "-ec", f"cd {MOUNTS}/local-worker-1-*; echo kept >file; sync")

    first.kill()
    second.run("mv", "/disks/worker-1/lab-data.img", "/disks/worker-2/")
    second.run("touch", "/disks/worker-2/lab-data.made")
    second.plug("lab-data")
    with boots.spec_changed(cluster, moved):
        objects = storage_objects(prepare(ClusterState(cluster.spec)).cluster)
    kubectl("delete", "persistentvolumeclaim", "data-data-0", "--wait=false")
    kubectl("delete", "pod", "data-0", "--force")
    kubectl("delete", "persistentvolume", "--all", "--wait=false")
    kubectl(*apply, stdin=yaml.safe_dump_all(objects))

    eventually("the pod runs where its disk is", lambda: runs_on("worker-2"))
    assert second.run("sh", "-c", f"cat {MOUNTS}/local-worker-2-*/file") == "kept\n"
