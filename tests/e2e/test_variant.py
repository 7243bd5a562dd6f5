"""The other choices: etcd as a static pod, the CA's key on control planes, iptables' Services.

The first boot of this cluster ends in a power cut, between the steps that a cluster needs once.
"""

from __future__ import annotations

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nodeseed_lab.api import Api, Unreachable
from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine
from nodeseed_lab.programs import program
from tests.e2e.conftest import Ground
from tests.e2e.workload import Workload, eventually, items, ready

SYSTEM = "/api/v1/namespaces/kube-system/configmaps"
ROTATED = "/var/lib/kubelet/pki/kubelet-client-current.pem"
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


def variant(spec: dict[str, Any]) -> None:
    spec["etcd"] = {"run": "static-pod", "quota": "1Gi", "metrics": "node", "maintenance": {}}
    spec["proxy"]["mode"] = "iptables"
    spec["pki"] = {"caKeysOnNodes": "control-plane"}
    del spec["nodes"][4]


def own_apis(lab: Lab) -> list[Api]:
    """The API servers themselves, which answer before the load balancer trusts them."""
    return [
        Api(
            lab.out / "admin.conf",
            address=str(machine.address),
            host=str(machine.address),
            port=6443,
            kubectl=program("kubectl-1.37"),
        )
        for machine in lab.design.control_planes
    ]


def has(api: Api, name: str) -> bool:
    """Whether an API server knows a ConfigMap of the system; no as long as it does not answer."""
    try:
        return bool(api.get(f"{SYSTEM}/{name}"))
    except Unreachable:
        return False


@pytest.fixture(scope="module")
def cluster(ground: Ground) -> Lab:
    """Ready at its second boot; the first was cut off in the middle of the cluster's steps."""
    lab = ground.prepare("e2e-variant", 12, variant)
    lab.boot()
    apis = own_apis(lab)
    eventually(
        "the first of the cluster's steps is done",
        lambda: any(has(api, "kubeadm-config") for api in apis),
        300,
        pause=0.02,
    )
    assert not any(has(api, "nodeseed") for api in apis)  # which is written last
    with ThreadPoolExecutor(len(lab.machines)) as threads:
        list(threads.map(LabMachine.kill, lab.machines.values()))
    lab.boot()
    lab.wait_ready()
    return lab


def test_the_boot_after_a_power_cut_completes_the_steps_of_the_cluster(cluster: Lab) -> None:
    eventually(
        "the cluster's steps are marked as done",
        lambda: cluster.api.get(f"{SYSTEM}/nodeseed")["data"]["version"] == "1.37.2",
    )
    for machine in cluster.design.control_planes:
        eventually(
            f"{machine.name} has done its part",
            lambda m=cluster.machines[machine.name]: "node marked" in m.steps().get("cluster", ""),
        )
        labels = cluster.api.get(f"/api/v1/nodes/{machine.name}")["metadata"]["labels"]
        assert "node-role.kubernetes.io/control-plane" in labels


def test_etcd_runs_as_a_pod_on_every_control_plane(cluster: Lab) -> None:
    wanted = {f"etcd-{machine.name}" for machine in cluster.design.control_planes}

    def running() -> bool:
        pods = items(cluster, "pods", "--namespace=kube-system")
        return all(map(ready, pods)) and wanted <= {pod["metadata"]["name"] for pod in pods}

    eventually("every pod is ready, etcd's among them", running)


def test_etcd_is_looked_after_on_every_control_plane(cluster: Lab) -> None:
    timer = "nodeseed-etcd-maintenance.timer"
    slots = set()
    for machine in cluster.design.control_planes:
        member = cluster.machines[machine.name]
        assert member.run("systemctl", "is-active", timer).strip() == "active"
        member.run("systemctl", "start", "nodeseed-etcd-maintenance")
        assert member.steps()["maintenance"] == "in order"
        slots.add(member.run("systemctl", "show", "--property=TimersCalendar", "--value", timer))
        url = f"http://{machine.address}:2381/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert "etcd_server_quota_backend_bytes 1.073741824e+09" in answer.read().decode()
    assert len(slots) == 3


def test_the_cluster_works(workload: Workload) -> None:
    assert workload.client("dns", "web")
    pods = {pod["metadata"]["name"] for pod in workload.web()}
    assert {workload.client("get", "http://web/").strip() for _ in range(20)} == pods


def test_services_are_rules_of_iptables(workload: Workload) -> None:
    lab = workload.lab
    address = lab.kubectl("get", "service", "web", "--output=jsonpath={.spec.clusterIP}")
    for node in lab.kubelets:
        rules = lab.machines[node].run("iptables-save", "-t", "nat")
        assert f"-d {address}/32" in rules, node
        assert "kube-proxy" not in lab.machines[node].run("nft", "list", "tables"), node


def test_only_the_key_of_the_cluster_ca_lies_on_control_planes(cluster: Lab) -> None:
    control_planes = {machine.name for machine in cluster.design.control_planes}
    for machine in cluster.machines.values():
        found = machine.run("find", "/etc", "/var/lib", "/run", "-xdev", "-name", "*ca.key")
        wanted = ["/etc/kubernetes/pki/ca.key"] if machine.node in control_planes else []
        assert found.split() == wanted, machine.node


def test_kubelet_client_certificates_rotate(cluster: Lab) -> None:
    # The kubelet asks for one as soon as it can, since its first certificate is not a file.
    def issued() -> set[str]:
        rows = items(cluster, "certificatesigningrequests")
        return {
            row["spec"]["username"]
            for row in rows
            if row["spec"]["signerName"] == SIGNER and "certificate" in row.get("status", {})
        }

    eventually(
        "every kubelet has a new certificate",
        lambda: issued() == {f"system:node:{node}" for node in cluster.kubelets},
        180,
    )
    for machine in cluster.machines.values():
        eventually(
            f"{machine.node} uses it", lambda m=machine: m.exec("test", "-L", ROTATED)[0] == 0
        )
        machine.run(
            *("openssl", "verify", "-CAfile", "/etc/kubernetes/pki/ca.crt", ROTATED),
        )
        subject = machine.run("openssl", "x509", "-noout", "-subject", "-in", ROTATED)
        assert f"system:node:{machine.node}" in subject
