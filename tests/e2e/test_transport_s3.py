"""A cluster that boots through S3 as it would on EC2, and pods that ask for what is the node's.

The stubs ask the metadata service at its real address, and moto's server with its IAM enforced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from nodeseed_lab.errors import LabError
from nodeseed_lab.lab import Lab
from tests.e2e.amazon import ADDRESS, ON_LINK, Amazon, fetch_says, fetched, remove
from tests.e2e.boots import no_user_data_kept, settled
from tests.e2e.conftest import Ground, derived
from tests.e2e.workload import PROBE, eventually, items, ready

IMAGE = "nodeseed-lab/on-link:e2e"
LATE = "worker-1"
TABLE = ("nft", "list", "table", "inet", "metadata")


def s3(spec: dict[str, Any]) -> None:
    fetched(spec, "s3")
    del spec["nodes"][4]
    spec["pki"] = {"caKeysOnNodes": "control-plane"}
    spec["pools"] = [{"name": "burst", "role": "worker", "elastic": {"max": 1}}]


@pytest.fixture(scope="module")
def on_link(image: str) -> Iterator[str]:
    with derived(image, IMAGE, ON_LINK) as tag:
        yield tag


@pytest.fixture(scope="module")
def amazon(ground: Ground, on_link: str) -> Iterator[Amazon]:
    """Three control planes and a worker through S3; the worker's payload came last."""
    remove("e2e-s3")
    lab = ground.prepare("e2e-s3", 31, s3, on_link)
    made = Amazon(lab)
    lab.boot()
    with made.on():
        control_planes = [machine.name for machine in lab.design.control_planes]
        made.publish(*control_planes)
        eventually(
            f"{LATE} says what it waits for",
            lambda: "not there: run nodeseed publish" in fetch_says(lab.machines[LATE]),
        )
        lab.wait_ready(nodes=control_planes)
        made.publish()
        lab.wait_ready()
        yield made


@pytest.fixture(scope="module")
def cluster(amazon: Amazon) -> Lab:
    return amazon.lab


def test_each_node_says_that_its_payload_came(cluster: Lab) -> None:
    for machine in cluster.machines.values():
        eventually("its payload came", lambda m=machine: fetch_says(m) == "revision 1 is here")


def test_nothing_secret_is_in_user_data_or_kept_of_it(cluster: Lab) -> None:
    for machine in cluster.machines.values():
        no_user_data_kept(machine)
        stub = machine.read("/var/lib/cloud/seed/nocloud/user-data")
        assert len(stub) < 16_384
        assert "PRIVATE KEY" not in stub


PODS = [
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "nodeName": LATE,
            "hostNetwork": host,
            "containers": [{**PROBE, "name": "probe", "args": ["sleep"]}],
        },
    }
    for name, host in (("pod", False), ("host", True))
]


@pytest.fixture(scope="module")
def pods(cluster: Lab) -> Lab:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": PODS})
    cluster.kubectl("apply", "--filename=-", stdin=text)
    eventually("the pods are ready", lambda: all(map(ready, items(cluster, "pods"))))
    return cluster


def asks(lab: Lab, pod: str) -> str:
    """What a pod gets from the metadata service, which asks those for a session that have none."""
    url = f"http://{ADDRESS}/latest/meta-data/iam/security-credentials/"
    with pytest.raises(LabError) as refused:
        lab.kubectl("exec", pod, "--", "/probe", "get", url)
    return str(refused.value)


def test_a_pod_is_refused_by_the_metadata_service(pods: Lab) -> None:
    machine = pods.machines[LATE]
    session = machine.run(
        *("curl", "-sf", "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60"),
        f"http://{ADDRESS}/latest/api/token",
    )
    assert session.startswith("session-"), "the node itself is served"
    assert "connection refused" in asks(pods, "pod")
    assert "401 Unauthorized" in asks(pods, "host"), "which docs/platforms.md says"
    machine.run("nft", "delete", "table", "inet", "metadata")
    assert "401 Unauthorized" in asks(pods, "pod"), "nothing else stands between"
    machine.run("systemctl", "restart", "kubelet")
    eventually("the pod is refused again", lambda: "connection refused" in asks(pods, "pod"), 30)


def test_a_reboot_fetches_nothing_and_keeps_nothing(pods: Lab, amazon: Amazon) -> None:
    machine = pods.machines[LATE]
    before = list(amazon.asked)
    machine.stop()
    machine.start()
    settled(pods, LATE)
    assert amazon.asked == before
    no_user_data_kept(machine)
    assert ADDRESS in machine.run(*TABLE)
    eventually("the pod is refused again", lambda: "connection refused" in asks(pods, "pod"), 30)


def test_a_replacement_boots_with_the_same_stub(cluster: Lab, amazon: Amazon) -> None:
    before = amazon.asked.count(LATE)
    cluster.machines[LATE].wipe()
    settled(cluster, LATE)
    machine = cluster.machines[LATE]
    eventually("its payload came", lambda: fetch_says(machine) == "revision 1 is here")
    assert amazon.asked.count(LATE) > before


def test_a_machine_of_an_elastic_pool_boots_with_the_stub_of_its_pool(
    cluster: Lab, amazon: Amazon
) -> None:
    machine = cluster.grow("burst", "burst-1")
    cluster.wait_ready(180, nodes=["burst-1"])
    assert fetch_says(machine) == "revision 1 is here"
    assert "burst" in amazon.asked
    no_user_data_kept(machine)
