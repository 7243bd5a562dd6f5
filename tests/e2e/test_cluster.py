"""Machines that boot with their user-data are a cluster: nothing else was done to them."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from collections import Counter

from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine
from tests.e2e import boots
from tests.e2e.workload import Workload, eventually, items, ready

ONCE_PER_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
# A learner's promotion is started again when the membership decision says that there is one.
STARTED_AGAIN_ON_PURPOSE = {"nodeseed-etcd-promote.service"}


def control_planes(cluster: Lab) -> list[LabMachine]:
    return [cluster.machines[machine.name] for machine in cluster.design.control_planes]


def test_every_node_of_the_cluster_file_is_ready(cluster: Lab) -> None:
    found = {
        node["metadata"]["name"]: condition["status"]
        for node in items(cluster, "nodes")
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    }

    assert found == dict.fromkeys(["cp-1", "cp-2", "cp-3", "worker-1", "worker-2"], "True")


def test_every_pod_of_the_system_runs(cluster: Lab) -> None:
    wanted = [f"{what}-cp-{n}" for what in ONCE_PER_CONTROL_PLANE for n in (1, 2, 3)]

    def running() -> bool:
        pods = items(cluster, "pods", "--namespace=kube-system")
        names = [pod["metadata"]["name"] for pod in pods]
        kinds = Counter(name.rsplit("-", 1)[0].rsplit("-", 1)[0] for name in names)
        return (
            all(map(ready, pods))
            and set(wanted) <= set(names)
            and kinds["coredns"] == 2
            and sum(name.startswith("kube-proxy-") for name in names) == len(cluster.kubelets)
            and len(pods) == len(wanted) + 2 + len(cluster.kubelets)
        )

    eventually("all pods of kube-system are ready, and no others are there", running, 60)


def test_the_replicas_of_coredns_are_on_different_nodes(cluster: Lab) -> None:
    pods = items(cluster, "pods", "--namespace=kube-system", "--selector=k8s-app=kube-dns")

    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2


def test_dns_answers_in_a_pod(workload: Workload) -> None:
    address = workload.lab.kubectl("get", "service", "web", "--output=jsonpath={.spec.clusterIP}")

    assert workload.client("dns", "web", "web.default.svc.cluster.local").split() == [address] * 2


def test_a_pod_reaches_pods_on_its_own_node_and_on_another(workload: Workload) -> None:
    pods = {pod["spec"]["nodeName"]: pod for pod in workload.web()}

    assert set(pods) == set(workload.nodes)
    for pod in pods.values():
        url = f"http://{pod['status']['podIP']}:8080/"
        assert workload.client("get", url).strip() == pod["metadata"]["name"]


def test_pods_see_the_address_of_the_pod_that_asks(workload: Workload) -> None:
    lab = workload.lab
    client = lab.kubectl("get", "pod", "client", "--output=jsonpath={.status.podIP}")

    line = f"GET /address from {client}:"
    for pod in workload.web():
        workload.client("get", f"http://{pod['status']['podIP']}:8080/address")
        name = pod["metadata"]["name"]
        eventually(f"{name} logs it", lambda name=name: line in lab.kubectl("logs", name), 20)


def test_a_service_is_balanced_over_endpoints_on_different_nodes(workload: Workload) -> None:
    assert workload.answers(20) == workload.names()


def test_services_are_rules_of_nftables_and_kube_proxy_asks_the_load_balancer(
    workload: Workload,
) -> None:
    lab = workload.lab
    address = lab.kubectl("get", "service", "web", "--output=jsonpath={.spec.clusterIP}")
    for node in lab.kubelets:
        rules = lab.machines[node].run("nft", "list", "table", "ip", "kube-proxy")
        assert f"{address} . tcp . 80" in rules, node
    said = lab.api.get("/api/v1/namespaces/kube-system/configmaps/kube-proxy")["data"]
    assert f"server: {lab.design.endpoint_url}" in said["kubeconfig.conf"]


def test_a_node_port_answers_on_every_node(workload: Workload) -> None:
    pods = workload.names()

    for node in workload.lab.kubelets:
        assert workload.at_node_port(node) in pods, node


def test_logs_exec_and_port_forward_reach_pods_on_every_kind_of_node(workload: Workload) -> None:
    # On the way the API server verifies the serving certificate of each kubelet.
    lab = workload.lab
    for pod in workload.web():
        name = pod["metadata"]["name"]
        assert f"{name} serves on :8080" in lab.kubectl("logs", name)
        said = lab.kubectl("exec", name, "--", "/probe", "get", "http://127.0.0.1:8080/")
        assert said.strip() == name
    assert "Serving securely" in lab.kubectl(
        "logs", "--namespace=kube-system", "kube-scheduler-cp-1"
    )

    pod = workload.web()[0]["metadata"]["name"]
    forward = lab.api.kubectl_command("port-forward", f"pod/{pod}", ":8080")
    with subprocess.Popen(forward, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            port = said.split("127.0.0.1:")[1].split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                assert answer.read().decode().strip() == pod
        finally:
            process.terminate()


def test_a_deployment_survives_the_deletion_of_its_pods(workload: Workload) -> None:
    before = workload.names()

    workload.lab.kubectl("delete", "pods", "--selector=app=web", "--wait=false")

    eventually(
        "two other pods are ready",
        lambda: len(now := workload.names()) == 2 and not now & before,
    )
    eventually(
        "the Service leads to one of them",
        lambda: workload.client("get", "http://web/").strip() not in before,
        20,
    )


def test_no_ca_key_lies_on_any_node(cluster: Lab) -> None:
    for machine in cluster.machines.values():
        assert boots.ca_keys(machine) == [], machine.node


def test_a_node_holds_only_its_own_keys(cluster: Lab) -> None:
    holders: dict[str, set[str]] = {}
    find = "find /etc/kubernetes /var/lib/kubelet/pki -name '*.key' -o -name '*.conf'"
    for machine in cluster.machines.values():
        for path in machine.run("sh", "-c", find).split():
            text = machine.read(path)
            keys = re.findall(r"BEGIN [A-Z ]*PRIVATE KEY-----[^-]+", text)
            for key in keys + re.findall(r"client-key-data: (\S+)", text):
                holders.setdefault(key, set()).add(machine.node)

    shared = [nodes for nodes in holders.values() if len(nodes) > 1]

    # one alone is shared: sa.key, as any control plane signs ServiceAccounts' tokens
    assert shared == [{machine.node for machine in control_planes(cluster)}]
    for machine in cluster.machines.values():
        subject = machine.run(
            *("openssl", "x509", "-noout", "-subject", "-in", "/var/lib/kubelet/pki/kubelet.crt")
        )
        assert f"system:node:{machine.node}" in subject


def test_super_admin_has_no_more_power_than_admin(cluster: Lab) -> None:
    for machine in control_planes(cluster):
        text = machine.read("/etc/kubernetes/super-admin.conf")
        assert text == machine.read("/etc/kubernetes/admin.conf")
        assert "system:masters" not in machine.run(
            "kubectl", "--kubeconfig=/etc/kubernetes/super-admin.conf", "auth", "whoami"
        )


def test_cloud_init_keeps_no_secret_that_others_could_read(cluster: Lab) -> None:
    # Its own memory of the datasource, without which it begins anew, is root's alone. The folder
    # that stands for the volume with the user-data is not looked at.
    folders = "/var/lib/cloud/instances /var/lib/cloud/data /run/cloud-init /var/lib/nodeseed"
    for machine in cluster.machines.values():
        found = machine.run("sh", "-c", f"grep -rla 'PRIVATE KEY' {folders} /var/log || true")
        assert [path for path in found.split() if not path.endswith("/obj.pkl")] == [], machine.node
        modes = machine.run("sh", "-c", "stat -c %a%u /var/lib/cloud/instances/*/obj.pkl")
        assert set(modes.split()) == {"4000"}, machine.node
        assert machine.run("ls", "/var/lib/nodeseed/incoming") == "", machine.node


def test_no_unit_failed_or_was_started_again(cluster: Lab) -> None:
    names = ("nodeseed*", "etcd.service", "kubelet.service", "containerd.service")
    names += ("haproxy.service", "keepalived.service")
    for machine in cluster.machines.values():
        shown = machine.run("systemctl", "show", "--property=Id,NRestarts,Result", *names)
        for block in shown.split("\n\n"):
            unit = dict(line.split("=", 1) for line in block.splitlines())
            assert unit.get("Result", "success") == "success", (machine.node, unit)
            if unit["Id"] not in STARTED_AGAIN_ON_PURPOSE:
                assert unit.get("NRestarts", "0") == "0", (machine.node, unit)
        assert machine.run("systemctl", "--failed", "--no-legend") == "", machine.node


def test_anonymous_gets_health_and_nothing_beyond(cluster: Lab) -> None:
    worker = cluster.machines["worker-1"]
    url = cluster.design.endpoint_url

    def status(path: str) -> str:
        return worker.run("curl", "-sko", "/dev/null", "-w", "%{http_code}", url + path)

    assert {path: status(path) for path in ("/livez", "/readyz", "/healthz", "/version")} == (
        dict.fromkeys(("/livez", "/readyz", "/healthz", "/version"), "200")
    )
    for path in (
        "/api",
        "/apis",
        "/api/v1/nodes",
        "/api/v1/namespaces/kube-public/configmaps/cluster-info",
        "/metrics",
        "/openapi/v2",
        "/logs/",
    ):
        assert status(path) == "403", path


def test_a_kubelet_answers_nobody_but_the_api_server(cluster: Lab) -> None:
    for machine in cluster.design.machines:
        url = f"https://{machine.address}:10250/pods"
        said = cluster.machines["worker-1"].run("curl", "-sk", url)
        assert said == "Unauthorized", machine.name


def test_admin_conf_works_only_through_its_binding(cluster: Lab) -> None:
    """With the binding gone it is nobody; it is put back by another way in, made before."""
    kubectl = cluster.kubectl
    binding = kubectl("get", "clusterrolebinding", "kubeadm:cluster-admins", "--output=yaml")
    assert "kubeadm:cluster-admins" in kubectl("auth", "whoami")
    assert "system:masters" not in kubectl("auth", "whoami")
    kubectl("create", "serviceaccount", "locksmith")
    kubectl(
        *("create", "clusterrolebinding", "locksmith", "--clusterrole=cluster-admin"),
        "--serviceaccount=default:locksmith",
    )
    token = kubectl("create", "token", "locksmith").strip()
    worker = cluster.machines["worker-1"]
    url = f"{cluster.design.endpoint_url}/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    bearer = ("-H", f"Authorization: Bearer {token}")

    kubectl("delete", "clusterrolebinding", "kubeadm:cluster-admins")
    try:
        eventually("admin.conf may nothing", lambda: _may_nothing(cluster), 20)
    finally:
        worker.run(
            *("curl", "-skf", *bearer, "-H", "Content-Type: application/yaml"),
            *("-d", re.sub(r"\n  (resourceVersion|uid): .*", "", binding), url),
        )
    eventually("admin.conf may everything again", lambda: not _may_nothing(cluster), 20)
    kubectl("delete", "clusterrolebinding/locksmith", "serviceaccount/locksmith")


def _may_nothing(cluster: Lab) -> bool:
    done = subprocess.run(
        cluster.api.kubectl_command("auth", "can-i", "get", "nodes"),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() == "no"


def test_kubeadm_knows_every_certificate(cluster: Lab) -> None:
    for machine in control_planes(cluster):
        said = machine.run("kubeadm", "certs", "check-expiration")
        rows = {line.split()[0]: line.split()[-1] for line in said.splitlines() if "UTC" in line}
        # no CA key is here, so kubeadm sees that somebody else takes care of them
        assert rows == dict.fromkeys(
            (
                "admin.conf",
                "apiserver",
                "apiserver-kubelet-client",
                "controller-manager.conf",
                "front-proxy-client",
                "scheduler.conf",
                "super-admin.conf",
                "ca",
                "front-proxy-ca",
            ),
            "yes",
        ), machine.node


def test_kubeadm_plans_an_upgrade_of_every_node(cluster: Lab) -> None:
    said = control_planes(cluster)[0].run("kubeadm", "upgrade", "plan", "v1.37.2")

    assert "[upgrade/versions] Cluster version: 1.37.2" in said
    assert "[upgrade/versions] Target version: v1.37.2" in said


def test_kubeadm_takes_the_configuration_that_the_cluster_keeps(cluster: Lab) -> None:
    machine = control_planes(cluster)[0]
    text = cluster.kubectl(
        *("get", "configmap", "kubeadm-config", "--namespace=kube-system"),
        "--output=jsonpath={.data.ClusterConfiguration}",
    )
    machine.run("sh", "-c", f"cat > /run/kept.yaml <<'EOF'\n{text}\nEOF")

    machine.run("kubeadm", "config", "validate", "--config=/run/kept.yaml")
    images = machine.run("kubeadm", "config", "images", "list", "--config=/run/kept.yaml").split()

    assert "registry.k8s.io/kube-apiserver:v1.37.2" in images
