"""The control plane's static pods, where nodeseed writes them itself. Pure.

Flags and their order are kubeadm's (cmd/kubeadm/app/phases/controlplane/manifests.go); what is
different all the same is a table in tests/integration/differences.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.pki.certificates import PKI

Arguments = Sequence[Mapping[str, str]]

# /etc/pki is where Red Hat's /etc/ssl/certs links to.
_CERTIFICATES: Final = {"ca-certs": "/etc/ssl/certs", "etc-pki": "/etc/pki", "k8s-certs": PKI}
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - no address that a probe could ask


def is_rendered(design: Design) -> bool:
    """Whether nodes have neither kubeadm nor kubectl, and nodeseed writes what these would."""
    return design.cluster.controlPlane.manifests == "rendered"


@dataclass(frozen=True, kw_only=True)
class ControlPlanePod:
    """What one component's pod has that the others' have not.

    Attributes:
        name: of the program, the image and the pod.
        arguments: its command line.
        host: where its probes ask; empty for the pod's own address.
        port: its port for probes.
        live: path of its startup and liveness probes.
        ready: whether it has a readiness probe, too.
        cpu: what it requests.
        mounts: what it sees of the machine, by the volume's name; read-only, at the same path.
    """

    name: str
    arguments: tuple[str, ...]
    host: str
    port: int
    live: str
    ready: bool
    cpu: str
    mounts: Mapping[str, str]


def rendered(design: Design, machine: Machine, shared: Mapping[str, Any]) -> dict[str, Any]:
    """What the files of ``cloud-init/control-plane-rendered`` may use beside what all may."""
    return {
        "control_plane_pods": _pods(design, machine, shared),
        "own_dns": design.cluster.dns is not None,
        "endpoint_host": design.cluster.endpoint.host,
        "endpoint_port": design.endpoint_port,
        "kube_proxy": {
            "bindAddress": "::" if shared["ipv6"] else "0.0.0.0",  # noqa: S104 - as kubeadm
            **shared["proxy_configuration"],
        },
    }


def _pods(
    design: Design, machine: Machine, shared: Mapping[str, Any]
) -> dict[str, ControlPlanePod]:
    """The pods of one control plane, by name.

    Args:
        design: the cluster.
        machine: the control plane.
        shared: the values that are the same for every machine; the components' arguments are
            those that kubeadm would get.
    """
    manager: Arguments = shared["controller_manager_arguments"]
    scheduler: Arguments = shared["scheduler_arguments"]
    pods = (
        ControlPlanePod(
            name="kube-apiserver",
            arguments=_arguments(
                _api_server(design, machine, shared), shared["api_server_arguments"]
            ),
            host=machine.address,
            port=design.cluster.apiServer.port,
            live="livez",
            ready=True,
            cpu="250m",
            mounts=_CERTIFICATES,
        ),
        ControlPlanePod(
            name="kube-controller-manager",
            arguments=_arguments(_controller_manager(design, shared), manager),
            host=_probe_host(manager),
            port=10257,
            live="healthz",
            ready=False,
            cpu="200m",
            mounts={**_CERTIFICATES, "kubeconfig": _kubeconfig("controller-manager")},
        ),
        ControlPlanePod(
            name="kube-scheduler",
            arguments=_arguments(_client("scheduler"), scheduler),
            host=_probe_host(scheduler),
            port=10259,
            live="livez",
            ready=True,
            cpu="100m",
            mounts={"kubeconfig": _kubeconfig("scheduler")},
        ),
    )
    return {pod.name: pod for pod in pods}


def _arguments(ours: Mapping[str, str], further: Arguments) -> tuple[str, ...]:
    """Ours, sorted, but for those that the further ones name; then these, in their order."""
    named = {argument["name"] for argument in further}
    if "authorization-config" in named:  # it takes the place of authorization-mode
        named.add("authorization-mode")
    return (
        *(f"--{name}={value}" for name, value in sorted(ours.items()) if name not in named),
        *(f"--{argument['name']}={argument['value']}" for argument in further),
    )


def _probe_host(further: Arguments) -> str:
    bound = [argument["value"] for argument in further if argument["name"] == "bind-address"]
    host = bound[-1] if bound else "127.0.0.1"
    return "" if host in _EVERYWHERE else host


def _kubeconfig(name: str) -> str:
    return f"/etc/kubernetes/{name}.conf"


def _client(name: str) -> dict[str, str]:
    """Flags of a component that works by leader election, and whose API is its own machine's."""
    kubeconfig = _kubeconfig(name)
    return {
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "kubeconfig": kubeconfig,
    }


def _api_server(design: Design, machine: Machine, shared: Mapping[str, Any]) -> dict[str, str]:
    return {
        "advertise-address": machine.address,
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{PKI}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "etcd-cafile": f"{PKI}/etcd/ca.crt",
        "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{PKI}/apiserver-etcd-client.key",
        "etcd-servers": ",".join(design.client_urls),
        "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{PKI}/apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt",
        "proxy-client-key-file": f"{PKI}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": str(design.cluster.apiServer.port),
        "service-account-issuer": f"https://kubernetes.default.svc.{shared['dns_domain']}",
        "service-account-key-file": f"{PKI}/sa.pub",
        "service-account-signing-key-file": f"{PKI}/sa.key",
        "service-cluster-ip-range": shared["service_subnet"],
        "tls-cert-file": f"{PKI}/apiserver.crt",
        "tls-private-key-file": f"{PKI}/apiserver.key",
    }


def _controller_manager(design: Design, shared: Mapping[str, Any]) -> dict[str, str]:
    # Without the CA's key on the node nothing is signed, and a path to nothing would end it.
    signs = design.cluster.pki.caKeysOnNodes == "control-plane"
    return {
        **_client("controller-manager"),
        "allocate-node-cidrs": "true",
        "client-ca-file": f"{PKI}/ca.crt",
        "cluster-cidr": shared["pod_subnet"],
        "cluster-name": design.cluster.name,
        "cluster-signing-cert-file": f"{PKI}/ca.crt" if signs else "",
        "cluster-signing-key-file": f"{PKI}/ca.key" if signs else "",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "root-ca-file": f"{PKI}/ca.crt",
        "service-account-private-key-file": f"{PKI}/sa.key",
        "service-cluster-ip-range": shared["service_subnet"],
        "use-service-account-credentials": "true",
    }
