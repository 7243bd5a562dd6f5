"""kube-proxy: what each of its modes needs of a node, and its configuration. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.sizes import size_proxy_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyMode:
    """One row of the table; sources: kubernetes v1.37.2, pkg/proxy and cmd/kube-proxy.

    Attributes:
        modules: kernel modules that a node loads before its kubelet starts, beside those that it
            loads for every mode; ``{scheduler}`` is the field ipvs.scheduler.
        by_itself: what kube-proxy loads and sets by itself, for the documentation.
        packages: Debian packages that a node needs; for the other modes kube-proxy's image brings
            the programs.
        sections: the sections of KubeProxyConfiguration that it reads.
        kernel: the oldest kernel.
        releases: Kubernetes releases, for the documentation.
    """

    modules: tuple[str, ...] = ()
    by_itself: str
    packages: tuple[str, ...] = ()
    sections: tuple[str, ...]
    kernel: str
    releases: str


PROXY_MODES: Final[dict[str, ProxyMode]] = {
    "nftables": ProxyMode(
        by_itself="nf_tables and what its rules use",
        sections=("nftables",),
        kernel="5.13",
        releases="1.31 and 1.32 as beta, default from 1.33",
    ),
    "iptables": ProxyMode(
        by_itself="ip_tables or nf_tables and what its rules use; net.ipv4.conf.all.route_localnet",
        sections=("iptables",),
        kernel="any that Kubernetes runs on",
        releases="all, default before 1.33",
    ),
    "ipvs": ProxyMode(
        # pkg/proxy/ipvs/README.md, Prerequisite; the device kube-ipvs0 is a dummy
        modules=("ip_vs", "ip_vs_{scheduler}", "nf_conntrack", "dummy"),
        by_itself="ip_set and iptables' modules; net.ipv4.vs.conntrack, conn_reuse_mode, "
        "expire_nodest_conn, expire_quiescent_template",
        packages=("ipset", "ipvsadm"),
        sections=("ipvs", "iptables"),
        kernel="any that Kubernetes runs on",
        releases="all; deprecated from 1.35, off from 1.40, gone with 1.43",
    ),
}

# net/netfilter/ipvs/Kconfig of Linux
SCHEDULERS: Final = (
    *("rr", "wrr", "lc", "wlc", "fo", "ovf", "lblc", "lblcr"),
    *("dh", "sh", "mh", "sed", "nq", "twos"),
)


def scheduler(configuration: dict[str, Any]) -> Any:
    """How ipvs chooses an endpoint: the operator's, or kube-proxy's default."""
    section = configuration.get("ipvs")
    return (section.get("scheduler") if isinstance(section, dict) else None) or "rr"


def proxy_modules(design: Design) -> list[str]:
    """Kernel modules that the mode needs loaded on every node with a kubelet."""
    chosen = scheduler(design.cluster.proxy.configuration)
    return [name.format(scheduler=chosen) for name in PROXY_MODES[design.proxy_mode].modules]


def proxy_configuration(design: Design) -> dict[str, Any]:
    """KubeProxyConfiguration without what follows from addresses; the operator's fields win."""
    fields: dict[str, Any] = {"mode": design.proxy_mode, **size_proxy_fields(design)}
    for name, value in design.cluster.proxy.configuration.items():
        ours = fields.get(name)
        if isinstance(ours, dict) and isinstance(value, dict):
            value = {**ours, **value}  # noqa: PLW2901
        fields[name] = value
    return fields
