"""DNS as the cluster file has it, read back from the cluster.

The cache on every node is the lab's stand-in (programs/coredns/nodecache.go): its manifest, its
Corefile and the way of the queries are real, the exception from connection tracking is not there.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodeseed_lab.lab import Lab
from tests.e2e.conftest import Ground
from tests.e2e.workload import eventually, items, ready

EXAMPLE = yaml.safe_load(Path("clusters/dns.yaml").read_text(encoding="utf-8"))["dns"]
ZONE = "corp.test"
SYSTEM = "--namespace=kube-system"


def manual(spec: dict[str, Any]) -> None:
    """The manual's figures; a zone whose server is on worker-2, and the cache on each node."""
    spec["dns"] = {**EXAMPLE, "zones": {ZONE: [f"{spec['nodes'][4]['address']}:5353"]}}
    del spec["dns"]["upstreams"]
    spec["dns"]["nodeLocal"] = {}


@pytest.fixture(scope="module")
def cluster(ground: Ground) -> Lab:
    lab = ground.prepare("e2e-dns", 17, manual)
    lab.boot()
    lab.wait_ready()
    return lab


def replicas(cluster: Lab) -> list[dict[str, Any]]:
    """CoreDNS's pods that are ready."""
    return [pod for pod in items(cluster, "pods", SYSTEM, "-l=k8s-app=kube-dns") if ready(pod)]


def corefile(cluster: Lab) -> str:
    found = cluster.api.get("/api/v1/namespaces/kube-system/configmaps/coredns")
    return str(found["data"]["Corefile"])


def coredns(cluster: Lab) -> dict[str, Any]:
    found = cluster.api.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
    spec: dict[str, Any] = found["spec"]
    return spec


def test_six_replicas_run_on_five_nodes(cluster: Lab) -> None:
    """The scheduler never moves a pod: they are spread since nodeseed waited for the nodes."""
    eventually("six replicas are ready", lambda: len(replicas(cluster)) == 6)

    nodes = Counter(pod["spec"]["nodeName"] for pod in replicas(cluster))
    assert sorted(nodes.values()) == [1, 1, 1, 1, 2]


def test_the_cluster_has_the_figures_of_the_cluster_file(cluster: Lab) -> None:
    wanted = {key: EXAMPLE[key] for key in ("requests", "limits")}
    assert wanted == {
        "requests": {"cpu": "70m", "memory": "70Mi"},
        "limits": {"cpu": "100m", "memory": "512Mi"},
    }
    assert coredns(cluster)["replicas"] == 6
    for pod in replicas(cluster):
        assert pod["spec"]["containers"][0]["resources"] == wanted
    text = corefile(cluster)
    for line in ("max_concurrent 1000", "success 10000", "denial 10000"):
        assert text.count(line) == 2, text  # for the zone, and for all outside
