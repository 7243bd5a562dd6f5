"""What a large cluster sets otherwise: one table, every value with its source. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from nodeseed.nodes.design import Design


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table.

    Attributes:
        component: whose flag it is; kube-proxy's are fields of its configuration, with dots, and
            those of ``sysctl`` the kernel's on every node with a kubelet.
        name: the flag without dashes, the field, or the sysctl.
        large: the value for more than 500 nodes.
        very_large: the value for more than 3000 nodes.
        source: who runs large clusters with it.
        modes: the modes of kube-proxy that look at it; empty: all.
    """

    component: str
    name: str
    large: int | str
    very_large: int | str
    source: str
    modes: tuple[str, ...] = ()


_GCE: Final = "kubernetes v1.37.2, cluster/gce/gci/{}"
_API_SERVER: Final = _GCE.format("configure-kubeapiserver.sh") + ", by number of nodes"
_PROXY: Final = _GCE.format("configure-helper.sh") + ", with which 5000 nodes are tested"
_TESTS: Final = (
    "kubernetes/test-infra, sig-scalability-presets.yaml, with which 5000 nodes are tested"
)
_OPENSHIFT: Final = (
    "OpenShift's tuned profile of every node "
    "(docs.openshift.com, Using the Node Tuning Operator, default profiles)"
)
_ETCD: Final = (
    f"4 GiB: {_GCE.format('configure-helper.sh')}; 8 GiB: the most that etcd suggests "
    "(etcd.io, System limits)"
)
_NEIGHBOURS: Final = {"gc_thresh1": 8192, "gc_thresh2": 32768, "gc_thresh3": 65536}


def _same(component: str, name: str, value: int | str, source: str, *modes: str) -> Setting:
    return Setting(
        component=component, name=name, large=value, very_large=value, source=source, modes=modes
    )


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        component="kube-apiserver",
        name="max-requests-inflight",
        large=1500,
        very_large=3000,
        source=_API_SERVER,
    ),
    Setting(
        component="kube-apiserver",
        name="max-mutating-requests-inflight",
        large=500,
        very_large=1000,
        source=_API_SERVER,
    ),
    _same("kube-apiserver", "delete-collection-workers", 16, _TESTS),
    _same("kube-controller-manager", "kube-api-qps", 100, _TESTS),
    _same("kube-controller-manager", "kube-api-burst", 100, _TESTS),
    _same("kube-scheduler", "kube-api-qps", 100, _TESTS),
    _same("kube-scheduler", "kube-api-burst", 100, _TESTS),
    Setting(
        component="etcd",
        name="quota-backend-bytes",
        large=4 << 30,
        very_large=8 << 30,
        source=_ETCD,
    ),
    _same("kube-proxy", "conntrack.min", 1048576, _OPENSHIFT),
    _same("kube-proxy", "iptables.syncPeriod", "1m", _PROXY, "iptables"),
    _same("kube-proxy", "iptables.minSyncPeriod", "10s", _PROXY, "iptables"),
    _same("kube-proxy", "ipvs.syncPeriod", "1m", _PROXY, "ipvs"),
    _same("kube-proxy", "ipvs.minSyncPeriod", "10s", _PROXY, "ipvs"),
    *(
        _same("sysctl", f"net.{family}.neigh.default.{name}", value, _OPENSHIFT)
        for family in ("ipv4", "ipv6")
        for name, value in _NEIGHBOURS.items()
    ),
)


def _values(design: Design, component: str) -> dict[str, int | str]:
    """A component's settings in this cluster; none for the standard size."""
    size = design.cluster.size
    if size == "standard":
        return {}
    return {
        row.name: row.large if size == "large" else row.very_large
        for row in SETTINGS
        if row.component == component and (not row.modes or design.proxy_mode in row.modes)
    }


def size_flags(design: Design, component: str) -> dict[str, str]:
    """A component's flags, without dashes."""
    return {name: str(value) for name, value in _values(design, component).items()}


def size_sysctls(design: Design) -> dict[str, int | str]:
    """The kernel's settings on every node with a kubelet."""
    return _values(design, "sysctl")


def size_proxy_fields(design: Design) -> dict[str, Any]:
    """Fields of KubeProxyConfiguration."""
    fields: dict[str, Any] = {}
    for name, value in _values(design, "kube-proxy").items():
        section, _, field = name.partition(".")
        fields.setdefault(section, {})[field] = value
    return fields
