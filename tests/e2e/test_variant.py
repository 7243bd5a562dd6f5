"""The other choices: etcd as a static pod on its own disk, CA keys on nodes, iptables' Services.

With the CA's key there can be an elastic pool; it grows and is misused here, last of all.

The first boot of this cluster ends in a power cut, between the steps that a cluster needs once.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from nodeseed_lab.api import Api, Unreachable
from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine
from nodeseed_lab.programs import program
from tests.e2e import boots
from tests.e2e.conftest import Ground
from tests.e2e.etcd import has_the_data, members
from tests.e2e.workload import PROBE, Workload, eventually, items, ready

SYSTEM = "/api/v1/namespaces/kube-system/configmaps"
ROTATED = "/var/lib/kubelet/pki/kubelet-client-current.pem"
MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


def variant(spec: dict[str, Any]) -> None:
    spec["etcd"] = {"run": "static-pod", "quota": "1Gi", "metrics": "node", "maintenance": {}}
    spec["storage"] = {"etcd": {"disk": {"id": "lab-etcd"}}}
    spec["proxy"]["mode"] = "iptables"
    spec["pki"] = {"caKeysOnNodes": "control-plane"}
    del spec["nodes"][4]
    spec["pools"] = [
        {
            "name": "burst",
            "role": "worker",
            "elastic": {"max": 3},
            "labels": {"tier": "burst"},
            "taints": [{"key": "dedicated", "value": "burst", "effect": "NoSchedule"}],
        }
    ]


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
    assert workload.answers(20) == workload.names()


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
        wanted = ["/etc/kubernetes/pki/ca.key"] if machine.node in control_planes else []
        assert boots.ca_keys(machine) == wanted, machine.node


def test_kubelet_client_certificates_rotate(cluster: Lab) -> None:
    # The kubelet asks for one as soon as it can, since its first certificate is not a file.
    def issued() -> set[str]:
        rows = items(cluster, "certificatesigningrequests")
        return {
            row["spec"]["username"]
            for row in rows
            if row["spec"]["signerName"] == SIGNER and "certificate" in row.get("status", {})
        }

    # Who asks before the cluster's steps allow it is looked at again after at most twice the time.
    eventually(
        "every kubelet has a new certificate",
        lambda: issued() == {f"system:node:{node}" for node in cluster.kubelets},
        400,
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


def test_etcds_pod_waits_for_its_disk_and_a_replacement_with_it_goes_on(cluster: Lab) -> None:
    for control_plane in cluster.design.control_planes:
        assert boots.source(cluster, control_plane.name, "/var/lib/etcd").startswith("/dev/loop")
        cluster.machines[control_plane.name].run("test", "-d", "/var/lib/etcd/member/wal")
    cluster.kubectl("create", "configmap", "kept")
    before = members(cluster)
    machine, other = cluster.machines["cp-2"], cluster.machines["cp-1"]
    image, kept = "/disks/cp-2/lab-etcd.img", "/disks/cp-2/kept.img"

    machine.run("test", "-e", MANIFEST)  # so that its next boot finds it
    machine.stop()
    other.run("mv", image, kept)
    machine.start()
    text = "etcd: waiting for /dev/disk/by-id/lab-etcd; there is "
    eventually("it waits", lambda: text in machine.steps().get("storage", ""), 90)
    eventually("its pod is held", lambda: machine.exec("test", "-e", MANIFEST)[0] == 1, 30)
    time.sleep(5)
    assert machine.exec("pgrep", "-x", "etcd|kubelet")[0] == 1
    assert machine.run("find", "/var/lib/etcd", "-mindepth", "1") == ""

    other.run("mv", kept, image)
    machine.wipe()  # the disk is not the machine's
    boots.settled(cluster, "cp-2")
    assert boots.source(cluster, "cp-2", "/var/lib/etcd").startswith("/dev/loop")
    assert members(cluster) == before
    assert has_the_data(machine)
    log = machine.run("journalctl", "-u", "nodeseed-storage", "-o", "cat", "--no-pager")
    assert "formatting" not in log


def tokens(lab: Lab) -> list[dict[str, Any]]:
    """The bootstrap tokens that the cluster knows."""
    kind = "--field-selector=type=bootstrap.kubernetes.io/token"
    return items(lab, "secrets", "--namespace=kube-system", kind)


@pytest.fixture(scope="module")
def burst(cluster: Lab) -> list[LabMachine]:
    """The elastic pool, grown from nothing to two machines; the second has a name of its own."""
    assert not [node for node in items(cluster, "nodes") if "burst" in node["metadata"]["name"]]
    return [cluster.grow("burst", name) for name in ("burst-1", "vm-7")]


NODES = ("burst-1", "burst-e2e-variant-vm-7")  # the second is named by its instance ID
TAINTS = {name: ["dedicated"] for name in NODES}


def test_a_pool_grows_without_a_render(cluster: Lab, burst: list[LabMachine]) -> None:
    cluster.wait_ready(180, nodes=[*cluster.kubelets, *NODES])

    def taints() -> dict[str, list[str]]:
        nodes = items(cluster, "nodes", "--selector=tier=burst")
        return {
            node["metadata"]["name"]: [taint["key"] for taint in node["spec"]["taints"]]
            for node in nodes
        }

    # a node's own taint for not being ready goes a little later
    eventually("they have their pool's taint alone", lambda: taints() == TAINTS, 30)
    for machine in burst:
        boots.steps_done(cluster, machine.node)
        said = machine.steps()
        assert said["elastic"] == "a machine of pool burst"
        assert said["bootstrap"] == "the kubelet has its certificate"
        assert said["preflight"] == "all is well"


def test_its_machines_work_like_all_others(workload: Workload, burst: list[LabMachine]) -> None:
    """Logs and exec go through the serving certificate, which the API server verifies."""
    lab = workload.lab
    assert burst
    for node in NODES:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": node, "namespace": "default"},
            "spec": {
                "nodeName": node,
                "containers": [{**PROBE, "name": "client", "args": ["sleep"]}],
            },
        }
        lab.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(pod))
    for node in NODES:
        lab.kubectl("wait", "--for=condition=Ready", f"pod/{node}", "--timeout=120s")

        def works(probe: tuple[str, ...] = ("exec", node, "--", "/probe")) -> bool:
            return bool(
                lab.kubectl(*probe, "dns", "web") and lab.kubectl(*probe, "get", "http://web/")
            )

        eventually(f"pods on {node} reach others, and are reached", works)
        lab.kubectl("logs", node)


def asks(lab: Lab, called: str, subject: str, *, as_node: str = "") -> None:
    """Ask for a certificate as a machine of the pool could: with its token, or as a node of it."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{subject}"),
        ]
    )
    asked = x509.CertificateSigningRequestBuilder(name)
    if as_node:
        names = x509.SubjectAlternativeName([x509.DNSName("kubernetes.default")])
        asked = asked.add_extension(names, critical=False)
    pem = asked.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    request = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": called},
        "spec": {
            "signerName": "kubernetes.io/kubelet-serving" if as_node else SIGNER,
            "usages": ["digital signature", "server auth" if as_node else "client auth"],
            "request": base64.b64encode(pem.public_bytes(Encoding.PEM)).decode(),
        },
    }
    who = (
        (f"--as=system:node:{as_node}", "--as-group=system:nodes")
        if as_node
        else ("--as=system:bootstrap:thief0", "--as-group=system:bootstrappers:nodeseed:burst")
    )
    lab.kubectl("create", *who, "--as-group=system:authenticated", "-f-", stdin=json.dumps(request))


def test_a_token_makes_nobody_another_node(cluster: Lab, burst: list[LabMachine]) -> None:
    asks(cluster, "control-plane", "cp-1")
    asks(cluster, "twin", "burst-1")
    asks(cluster, "api", "burst-1", as_node="burst-1")
    assert burst
    approver = cluster.machines[cluster.design.control_planes[0].name]
    wanted = (
        "control-plane of system:bootstrap:thief0: cp-1 is no machine of an elastic pool",
        "twin of system:bootstrap:thief0: there is a node burst-1",
        "api of system:node:burst-1: it is not what a kubelet of burst-1 sends",
    )
    eventually(
        "a control plane says what it does not approve, and why",
        lambda: all(text in approver.steps().get("approve", "") for text in wanted),
    )
    names = ("control-plane", "twin", "api")

    def status() -> dict[str, Any]:
        rows = items(cluster, "certificatesigningrequests")
        return {row["metadata"]["name"]: row["status"] for row in rows}

    eventually(
        "every other request has its certificate",
        lambda: all(row.get("certificate") for name, row in status().items() if name not in names),
    )
    asked = status()
    assert [asked[name] for name in names] == [{}, {}, {}]
    for name in names:
        cluster.kubectl("delete", "csr", name)


def test_a_machine_that_comes_too_late_says_so(cluster: Lab, burst: list[LabMachine]) -> None:
    """Its user-data says another day, and Kubernetes has removed the token on that day."""
    [secret] = tokens(cluster)
    end = base64.b64decode(secret["data"]["expiration"]).decode()
    past = "2026-01-01T00:00:00Z"
    patch = json.dumps({"stringData": {"expiration": past}})
    name = secret["metadata"]["name"]
    cluster.kubectl("patch", "secret", "--namespace=kube-system", name, f"--patch={patch}")
    eventually("the token is gone", lambda: not tokens(cluster))
    late = cluster.grow("burst", "burst-late", lambda text: text.replace(end, past))
    wanted = f"the token of pool burst expired on {past}: `nodeseed renew --node burst`"
    eventually(
        "the machine says why it waits",
        lambda: late.steps().get("bootstrap", "").startswith(wanted),
    )
    assert late.node not in {node["metadata"]["name"] for node in items(cluster, "nodes")}
    # what was rendered brings the token back
    cluster.kubectl("apply", "--server-side", "--force-conflicts", f"-f{cluster.out}/pools.yaml")
    cluster.wait_ready(120, nodes=[late.node])
