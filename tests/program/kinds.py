"""The kinds of nodes, as the sets of files that they get, and the program that these call for."""

from nodeseed.render.program import steps
from nodeseed.render.templates import root

KINDS = {
    "control-plane": ("common", "kubelet", "control-plane", "etcd", "etcd-systemd"),
    "control-plane-bridge": ("common", "control-plane", "etcd", "etcd-systemd", "cni-bridge"),
    "control-plane-static-pod": (
        *("common", "control-plane", "etcd", "etcd-static-pod", "etcd-maintenance"),
    ),
    "control-plane-without-etcd": ("common", "kubelet", "control-plane"),
    "control-plane-dns": ("common", "kubelet", "control-plane", "dns", "dns-replicas"),
    "control-plane-rendered": (
        *("common", "kubelet", "control-plane-rendered", "etcd", "etcd-systemd"),
    ),
    "worker": ("common", "kubelet", "worker"),
    "control-plane-pools": ("common", "kubelet", "control-plane", "etcd", "etcd-systemd", "pools"),
    "worker-provider-id": ("common", "kubelet", "worker", "provider-id"),
    "worker-elastic": ("common", "kubelet", "worker", "elastic"),
    "worker-ipvs": ("common", "kubelet", "worker", "proxy-ipvs"),
    "worker-bridge": ("common", "kubelet", "worker", "cni-bridge"),
    "worker-node-local": ("common", "kubelet", "worker", "endpoint-node-local"),
    "load-balancer": ("common", "endpoint-haproxy-keepalived"),
    "load-balancer-lvs": ("common", "endpoint-lvs-keepalived"),
    "etcd": ("common", "etcd", "etcd-systemd"),
    "etcd-static-pod": ("common", "etcd", "etcd-static-pod"),
}


def steps_of(kind: str) -> frozenset[str]:
    """The steps that the files of a kind of node call."""
    return steps(
        path.read_text()
        for name in KINDS[kind]
        for path in sorted((root() / name).rglob("*"))
        if path.is_file()
    )
