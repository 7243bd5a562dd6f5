"""Every kubeadm takes the rendered configuration and makes a control plane of the node."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from nodeseed.endpoints import ENDPOINTS
from nodeseed.endpoints.endpoint import VirtualAddress
from nodeseed_lab.programs import program

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]

# The kubeadm for each Kubernetes release: each serves its own minor version and the one before.
KUBEADM = {
    "1.32.0": "kubeadm-1.33",
    "1.33.0": "kubeadm-1.33",
    "1.34.0": "kubeadm-1.35",
    "1.35.0": "kubeadm-1.35",
    "1.36.0": "kubeadm-1.37",
    "1.37.0": "kubeadm-1.37",
}

# Warnings that are meant to come, and why.
EXPECTED = (
    # No CA key lies on a node, so certificates must last longer than a year.
    r"certificateValidityPeriod: the value \S+ is more than the recommended default",
    # So it is, and nodeseed says so first.
    r'field "mode" is set to "ipvs" which has been deprecated since version v1\.35',
    # A control plane reaches the API at its own address, not through the load balancer.
    (
        r'"/etc/kubernetes/\S+\.conf" exists already but has an unexpected API Server URL: '
        r"expected: https://api\.it\.example\.com:6443, got: https://(10\.0\.0\.11|\[fd00::11\]):6443$"
    ),
)

DUAL_STACK: dict[str, Any] = {
    "networking": {
        "podSubnet": ["10.244.0.0/16", "fd01::/48"],
        "serviceSubnet": ["10.96.0.0/12", "fd02::/112"],
        "nodeSubnet": ["10.0.0.0/24", "fd00::/64"],
        "cni": "bridge",
    },
    "nodes": [
        {"name": "cp-1", "role": "control-plane", "address": ["10.0.0.11", "fd00::11"]},
        {"name": "worker-1", "role": "worker", "address": ["10.0.0.21", "fd00::21"]},
    ],
}

# What a node in a container needs (clusters/lab.yaml).
KUBELET: dict[str, Any] = {
    "cgroupDriver": "cgroupfs",
    "failCgroupV1": False,
    "failSwapOn": False,
    "localStorageCapacityIsolation": False,
    "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%"},
    "imageGCHighThresholdPercent": 100,
    "resolvConf": "/etc/resolv.pods.conf",
}

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bridge": {
        "networking": {
            "podSubnet": "10.244.0.0/16",
            "serviceSubnet": "10.96.0.0/12",
            "nodeSubnet": "10.0.0.0/24",
        }
    },
    "dual-stack": DUAL_STACK,
    "ipv6": {
        "networking": {
            "podSubnet": "fd01::/48",
            "serviceSubnet": "fd02::/112",
            "nodeSubnet": "fd00::/64",
            "cni": "none",
        },
        "nodes": [{"name": "cp-1", "role": "control-plane", "address": "fd00::11"}],
    },
    "arguments": {
        "apiServer": {
            "certSANs": ["api.example.org", "192.0.2.7"],
            "extraArgs": [
                {"name": "audit-log-path", "value": "/var/log/audit.log"},
                {"name": "oidc-username-prefix", "value": 'a "quoted": value'},
            ],
        },
        "controllerManager": {"extraArgs": [{"name": "bind-address", "value": "0.0.0.0"}]},  # noqa: S104
        "scheduler": {"extraArgs": [{"name": "v", "value": "4"}]},
        "kubelet": {"extraArgs": [{"name": "v", "value": "2"}]},
        "proxy": {"mode": "iptables"},
    },
    "balanced": {
        "endpoint": {
            "host": "api.it.example.com",
            "address": "10.0.0.100",
            "port": 6443,
            "provider": "haproxy-keepalived",
        }
    },
    "configuration": {
        "kubelet": {"configuration": KUBELET},
        "proxy": {"configuration": {"conntrack": {"maxPerCore": 0, "tcpCloseWaitTimeout": "0s"}}},
    },
    "ca-key-on-nodes": {"pki": {"caKeysOnNodes": "control-plane"}},
    "static-pod-etcd": {"etcd": {"run": "static-pod"}},
    "elsewhere": {
        "pki": {"directory": "/srv/kubernetes"},
        "apiServer": {"tokens": [{"user": "reader"}]},
    },
    "large": {
        "size": "large",
        "proxy": {"mode": "ipvs"},
        "scheduler": {"leaderElection": {"leaseDuration": "30s", "renewDeadline": "20s"}},
    },
}


def run(kubernetes: str, *arguments: str) -> None:
    """Run the kubeadm for a release; it must succeed and warn of nothing unexpected."""
    as_root = () if os.geteuid() == 0 else ("unshare", "--map-root-user")  # --rootfs is a chroot
    command = (*as_root, program(KUBEADM[kubernetes]), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line]
    assert [line for line in said if not re.search("|".join(EXPECTED), line)] == []


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kubernetes", KUBEADM)
def test_kubeadm_makes_the_control_plane_of_an_installed_node(
    render: Render, tmp_path: Path, kubernetes: str, variant: str
) -> None:
    rendered = render(kubernetes={"version": kubernetes}, **VARIANTS[variant])
    root = rendered.install("cp-1", tmp_path / "cp-1")
    config = "/etc/kubernetes/kubeadm.yaml"
    run(kubernetes, "config", "validate", "--config", f"{root}{config}")
    run(
        kubernetes, *("init", "phase", "control-plane", "all"), *("--config", config),
        *("--rootfs", str(root)),
    )  # fmt: skip
    pods = sorted((root / "etc/kubernetes/manifests").iterdir())
    assert [path.stem for path in pods] == [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    for path in pods:
        validate(path, kubernetes)
        paths_exist(path, root)
    flags = {path.stem: arguments_of(path) for path in pods}
    for component, field in (
        ("kube-apiserver", "apiServer"),
        ("kube-controller-manager", "controllerManager"),
        ("kube-scheduler", "scheduler"),
    ):
        wanted = VARIANTS[variant].get(field, {}).get("extraArgs", [])
        assert {f"--{a['name']}={a['value']}" for a in wanted} <= set(flags[component])
    pki = rendered.design.cluster.pki.directory
    assert f"--kubelet-certificate-authority={pki}/ca.crt" in flags["kube-apiserver"]
    signs = f"--cluster-signing-key-file={pki}/ca.key"
    assert (signs in flags["kube-controller-manager"]) == (variant == "ca-key-on-nodes")
    bridge = "--allocate-node-cidrs=false" in flags["kube-controller-manager"]
    assert bridge == (rendered.design.cluster.networking.cni == "bridge")


@pytest.mark.parametrize("dedicated", [False, True], ids=["stacked", "dedicated"])
@pytest.mark.parametrize("etcd", ["systemd", "static-pod"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_kubeadm_takes_etcd_in_each_way_beside_every_load_balancer(
    render: Render, tmp_path: Path, endpoint: str, etcd: str, dedicated: bool
) -> None:
    nodes = [
        {"name": f"cp-{number}", "role": "control-plane", "address": f"10.0.0.1{number}"}
        for number in (1, 2, 3)
    ]
    nodes.append({"name": "worker-1", "role": "worker", "address": "10.0.0.21"})
    if dedicated:
        nodes.append({"name": "etcd-1", "role": "etcd", "address": "10.0.0.31"})
    balanced = {"host": "api.it.example.com", "provider": endpoint}
    if issubclass(ENDPOINTS[endpoint].options, VirtualAddress):
        balanced["address"] = "10.0.0.100"
    rendered = render(endpoint=balanced, etcd={"run": etcd}, nodes=nodes)
    root = rendered.install("cp-1", tmp_path / "cp-1")
    config = f"{root}/etc/kubernetes/kubeadm.yaml"
    run("1.37.0", "config", "validate", "--config", config)
    text = Path(config).read_text()
    assert ("https://10.0.0.31:2379" in text) == dedicated


@pytest.mark.parametrize("kubernetes", KUBEADM)
def test_the_static_pod_of_etcd_is_a_valid_pod(
    render: Render, tmp_path: Path, kubernetes: str
) -> None:
    rendered = render(
        kubernetes={"version": kubernetes},
        etcd={"run": "static-pod", "quota": "4Gi", "metrics": "node"},
    )
    root = rendered.install("cp-1", tmp_path / "cp-1")
    validate(root / "etc/nodeseed/etcd.yaml", kubernetes)
    paths_exist(root / "etc/nodeseed/etcd.yaml", root)


@pytest.mark.parametrize("kubernetes", KUBEADM)
def test_kube_vip_and_its_role_are_valid_objects(
    render: Render, tmp_path: Path, kubernetes: str
) -> None:
    endpoint = {"host": "10.0.0.100", "provider": "kube-vip"}
    rendered = render(kubernetes={"version": kubernetes}, endpoint=endpoint)
    root = rendered.install("cp-1", tmp_path / "cp-1")
    pod = root / "etc/kubernetes/manifests/kube-vip.yaml"
    validate(pod, kubernetes)
    (volume,) = yaml.safe_load(pod.read_text())["spec"]["volumes"]
    assert (root / volume["hostPath"]["path"][1:]).is_file()
    for document in (root / "etc/nodeseed/manifests/kube-vip.yaml").read_text().split("---\n"):
        part = tmp_path / "part.yaml"
        part.write_text(document)
        validate(part, kubernetes)


@pytest.mark.parametrize("kubernetes", KUBEADM)
@pytest.mark.parametrize("role", ["control-plane", "worker", "etcd"])
def test_kubeadm_knows_every_field_of_the_kubelet_configuration(
    render: Render, tmp_path: Path, role: str, kubernetes: str
) -> None:
    rendered = render(
        kubernetes={"version": kubernetes},
        etcd={"run": "static-pod"},
        nodes=[
            {"name": "etcd-1", "role": "etcd", "address": "10.0.0.1"},
            {"name": "control-plane-1", "role": "control-plane", "address": "10.0.0.11"},
            {
                "name": "worker-1",
                "role": "worker",
                "address": "10.0.0.21",
                "labels": {"example.com/disk": "ssd"},
                "taints": [{"key": "example.com/gpu", "value": "yes", "effect": "NoExecute"}],
            },
        ],
    )
    root = rendered.install(f"{role}-1", tmp_path / role)
    found = list((root / "var/lib/kubelet").glob("*config.yaml"))
    assert {"config.yaml"} <= {path.name for path in found}
    cluster = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": f"v{kubernetes}",
    }
    for path in found:
        whole = tmp_path / f"with-{path.name}"
        whole.write_text(f"{yaml.safe_dump(cluster)}---\n{path.read_text()}")
        run(kubernetes, "config", "validate", "--config", str(whole))


def validate(manifest: Path, kubernetes: str) -> None:
    """The object is one of that release: no field is unknown, missing or of another type."""
    minor = kubernetes.rpartition(".")[0]
    document = yaml.safe_load(manifest.read_text())
    assert kubernetes_validate.validate(document, minor, strict=True) == minor


def arguments_of(manifest: Path) -> list[str]:
    """The command line of a pod's only container."""
    (container,) = yaml.safe_load(manifest.read_text())["spec"]["containers"]
    return [*container["command"]]


def paths_exist(manifest: Path, root: Path) -> None:
    """What a pod is told to read of ours is on the node."""
    for argument in arguments_of(manifest):
        value = argument.partition("=")[2]
        if value.startswith(("/etc/kubernetes/", "/srv/kubernetes/")):
            assert (root / value[1:]).is_file(), argument
