"""DNS as the cluster file has it: read back from the cluster, under load, and while a replica dies.

The cache on every node is the lab's stand-in (programs/coredns/nodecache.go): its manifest, its
Corefile and the way of the queries are real, the exception from connection tracking is not there.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodeseed.nodes.plan import context
from nodeseed.render.templates import render_file
from nodeseed_lab.lab import Lab
from tests.e2e import boots
from tests.e2e.conftest import Ground
from tests.e2e.workload import PROBE, Workload, eventually, items, ready

EXAMPLE = yaml.safe_load(Path("clusters/dns.yaml").read_text(encoding="utf-8"))["dns"]
SERVICE = "10.96.0.10:53"
CACHE = "169.254.20.10:53"
ZONE = "corp.test"
NAMES = ("web.default.svc.cluster.local", "kubernetes.default.svc.cluster.local")
EVERYWHERE = "192.0.2.53"  # what the probe answers for every name
AUTOSCALER = "/etc/nodeseed/manifests/coredns-autoscaler.yaml"
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


def load(workload: Workload, server: str, seconds: int, *names: str) -> dict[str, float]:
    """Ask as fast as answers come, from sixteen sockets at a time; give what the probe counted."""
    said = workload.client("load", server, str(seconds), "16", *names)
    counted: dict[str, float] = json.loads(said)
    return counted


def tell(what: str, counted: dict[str, float]) -> None:
    """Speed is not asserted, but is to be seen."""
    print(f"\nDNS, {what}: {json.dumps(counted)}", end="")


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
    eventually("six replicas are wanted", lambda: coredns(cluster)["replicas"] == 6, 20)
    eventually(
        "each replica has its figures",
        lambda: all(
            pod["spec"]["containers"][0]["resources"] == wanted for pod in replicas(cluster)
        ),
    )
    text = corefile(cluster)
    for line in ("max_concurrent 1000", "success 10000", "denial 10000"):
        assert text.count(line) == 2, text  # for the zone, and for all outside


@pytest.fixture(scope="module")
def answering(cluster: Lab) -> None:
    """The zone's server: a pod on the network of worker-2."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "corp", "namespace": "default"},
        "spec": {
            "nodeName": "worker-2",
            "hostNetwork": True,
            "containers": [{**PROBE, "name": "corp", "args": ["answer", ":5353"]}],
        },
    }
    cluster.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(pod))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/corp", "--timeout=60s")


@pytest.mark.usefixtures("answering")
def test_a_zone_is_answered_by_its_own_server(workload: Workload) -> None:
    def all_answered(server: str) -> bool:
        counted = load(workload, server, 1, f"files.{ZONE}", f"mail.{ZONE}")
        return counted["answered"] > 0 and counted["hopeless"] == 0

    # the replicas have just started, with a tenth of a processor each
    for server in (SERVICE, CACHE):
        eventually(f"{server} answers every query", partial(all_answered, server), 30)
    assert workload.client("dns", f"files.{ZONE}").strip() == EVERYWHERE


def test_pods_ask_the_cache_of_their_own_node(cluster: Lab, workload: Workload) -> None:
    for machine in cluster.kubelets:
        text = cluster.machines[machine].read("/var/lib/kubelet/config.yaml")
        assert yaml.safe_load(text)["clusterDNS"] == [CACHE.removesuffix(":53")], machine

    def caches() -> list[int]:
        daemons = items(cluster, "daemonsets", SYSTEM, "-l=k8s-app=node-local-dns")
        return [row["status"]["numberReady"] for row in daemons]

    eventually("each node has its cache", lambda: caches() == [len(cluster.kubelets)])
    node = cluster.machines[workload.nodes[0]]

    def asked() -> float:
        text = node.run("curl", "-sf", "http://127.0.0.1:9253/metrics")
        rows = [line for line in text.splitlines() if line.startswith("coredns_dns_requests_total")]
        return sum(float(row.rpartition(" ")[2]) for row in rows)

    before = asked()
    assert workload.client("dns", "web.default.svc.cluster.local")
    assert asked() > before


def test_every_query_is_answered_while_a_replica_is_killed(
    cluster: Lab, workload: Workload, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is told: its process is gone, its address is still one of the Service's."""
    quiet = {server: load(workload, server, 5, *NAMES) for server in (SERVICE, CACHE)}
    with ThreadPoolExecutor(1) as thread:
        shaken = thread.submit(load, workload, SERVICE, 8, *NAMES)
        time.sleep(2)
        pod = replicas(cluster)[0]
        container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix(
            "containerd://"
        )
        cluster.machines[pod["spec"]["nodeName"]].run(
            *("ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", container)
        )
        counted = shaken.result()
    with capsys.disabled():
        tell("six replicas", quiet[SERVICE])
        tell("the cache on the node", quiet[CACHE])
        tell("six replicas, one of them killed", counted)

    for numbers in (*quiet.values(), counted):
        assert numbers["answered"] > 0
        assert numbers["hopeless"] == 0, numbers
    eventually("the replica is back", lambda: len(replicas(cluster)) == 6)


def test_kubeadm_keeps_what_is_set(cluster: Lab) -> None:
    """Its own phase again, as in `kubeadm upgrade apply --patches`."""
    before = coredns(cluster), corefile(cluster)
    cluster.machines["cp-2"].run(
        *("kubeadm", "init", "phase", "addon", "coredns"),
        *("--config", "/etc/kubernetes/kubeadm.yaml"),
    )
    assert (coredns(cluster), corefile(cluster)) == before


def test_the_api_takes_the_autoscaler_and_lets_it_scale_and_nothing_more(cluster: Lab) -> None:
    """Its program cannot be had here; the next test sees that it goes where a number is written."""
    design = cluster.design
    values = {**context(design, design.control_planes[0]), "dns_autoscaling": '{"min": 6}'}
    text = render_file("dns-autoscaling", AUTOSCALER, values)
    cluster.kubectl("apply", "--server-side", "--filename=-", stdin=text)
    whose = "--as=system:serviceaccount:kube-system:kube-dns-autoscaler"

    def may(*what: str) -> bool:
        listed = cluster.api.kubectl_command("auth", "can-i", *what, SYSTEM, whose)
        done = subprocess.run(listed, capture_output=True, text=True, check=False)
        return done.stdout.strip() == "yes"

    scale = "deployments.apps/coredns", "--subresource=scale"
    for needed in (
        ("get", *scale),
        ("update", *scale),
        ("list", "nodes"),
        ("watch", "nodes"),
        ("get", "configmaps/kube-dns-autoscaler"),
    ):
        # each API server hears of roles by itself, and later
        eventually(f"it may {needed}", partial(may, *needed), 20)
    for other in (
        ("update", "deployments.apps/coredns"),
        ("delete", "pods"),
        ("get", "secrets"),
        ("update", "configmaps/coredns"),
    ):
        assert not may(*other), other


def test_a_newer_revision_takes_effect_and_an_older_node_never_puts_the_old_back(
    cluster: Lab, workload: Workload, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = {"cpu": "1", "memory": "600Mi"}

    def later(spec: dict[str, Any]) -> None:
        spec["dns"].update(replicas=5, cacheSize=20480, limits=limits)

    def applied() -> bool:
        spec = coredns(cluster)
        return (
            spec["replicas"] == 5
            and spec["template"]["spec"]["containers"][0]["resources"]["limits"] == limits
            and "success 20480" in corefile(cluster)
        )

    with boots.spec_changed(cluster, later):
        cluster.render()
        cluster.machines["cp-1"].stop()
        cluster.machines["cp-1"].start()
        eventually("the newer revision is applied", applied)
        deployments = items(cluster, "deployments", SYSTEM)
        assert [row["metadata"]["name"] for row in deployments] == ["coredns"]

    older = cluster.machines["cp-2"]
    older.run("systemctl", "restart", "nodeseed-corefile", "nodeseed-cluster", "nodeseed-dns")
    assert applied()
    eventually("five replicas are ready", lambda: len(replicas(cluster)) == 5)
    with capsys.disabled():
        tell("five replicas with ten times the CPU", load(workload, SERVICE, 5, *NAMES))
