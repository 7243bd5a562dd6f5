"""docs/components.md: leader election, kube-proxy's modes, large clusters and the care of etcd."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.markdown import page, table
from nodeseed.nodes.checks.etcd import LEAST, MOST
from nodeseed.nodes.checks.leader_election import JITTER
from nodeseed.nodes.etcd import METRICS_PORT
from nodeseed.nodes.proxy import PROXY_MODES, ProxyMode
from nodeseed.nodes.sizes import SETTINGS, Setting


def text() -> str:
    """The page."""
    return page("Components", *_leader_election(), *_proxy(), *_etcd(), *_sizes())


def _leader_election() -> Iterator[str]:
    yield "## Leader election"
    yield (
        "kube-controller-manager and kube-scheduler run on every control plane, and one of each "
        "works. `controllerManager.leaderElection` and `scheduler.leaderElection` set how soon "
        "another one takes over: when a leader dies, the others find its Lease stale after "
        "leaseDuration and at most 4.4 times retryPeriod (each of them tries every 1 to 2.2 "
        "retryPeriods, looks once and takes over once). With Kubernetes' own 15 s, 10 s and 2 s "
        "that is 15 to 24 s; with leaseDuration 10 s and renewDeadline 7 s it is below 19 s. "
        "Shorter times mean more writes to etcd, and leaders that give up when the API is slow."
    )
    yield (
        "The three are checked together, as client-go does when a component starts: leaseDuration "
        f"is longer than renewDeadline, and that longer than {JITTER} times retryPeriod."
    )


def _proxy() -> Iterator[str]:
    yield "## kube-proxy"
    yield (
        "`proxy.mode` is always written to the nodes. Every mode has the modules `br_netfilter` "
        "and `overlay` and the sysctls `net.bridge.bridge-nf-call-iptables`, "
        "`net.bridge.bridge-nf-call-ip6tables` and `net.ipv4.ip_forward` (with IPv6 also "
        "`net.ipv6.conf.all.forwarding`), set at every boot before the kubelet starts. "
        "kube-proxy's image brings the programs that it calls."
    )
    columns = ("Mode", "Kubernetes", "Kernel", "Modules loaded", "By kube-proxy itself", "Packages")
    yield table(columns, (_mode(name, row) for name, row in PROXY_MODES.items()))
    yield (
        "A node whose kernel lacks a module of its mode says which, on console and in "
        "`nodeseed-status`, and its kubelet waits. The scheduler's module is that of "
        "`proxy.configuration.ipvs.scheduler`. Packages are installed where "
        "`kubernetes.software.source` is `packages`, and `nodeseed bake` puts them into the image."
    )
    yield (
        "kube-proxy reaches the API through the endpoint. On control planes the endpoint's name "
        "means the node itself, in the node's /etc/hosts, which kube-proxy's pod shares: a control "
        "plane needs no load balancer for its own Services."
    )


def _mode(name: str, row: ProxyMode) -> tuple[str, ...]:
    modules = ", ".join(f"`{module.format(scheduler='SCHEDULER')}`" for module in row.modules)
    packages = ", ".join(f"`{package}`" for package in row.packages)
    return f"`{name}`", row.releases, row.kernel, modules, row.by_itself, packages


def _etcd() -> Iterator[str]:
    yield "## etcd"
    yield (
        f"`etcd.quota` ({LEAST} to {MOST}) bounds the database. A database at its quota raises the "
        "alarm NOSPACE: etcd takes no writes, so the API server takes none, until somebody makes "
        "room and disarms the alarm. A larger quota needs memory for the whole database, and "
        f"longer recoveries; {MOST} is the most that etcd's guide suggests."
    )
    yield (
        "`etcd.maintenance: {}` puts a timer on each member. Every ten minutes, each member in a "
        "minute of its own, it looks at the alarms and at the space that deleted data left behind:"
    )
    yield (
        "- It defragments its member where that gives back `minimumGain` or more, at most once per "
        "`interval`. It does so only while every member answers and knows a leader, and holds a "
        "lock in etcd meanwhile (with a lease of an hour): never two members at once. A leader "
        "hands over first. Where `/var/lib/etcd` has no room for the copy, it says so.\n"
        "- NOSPACE is said on console, in `nodeseed-status` and in the journal. The members "
        "compact, defragment one after the other, and the last disarms the alarm once no member "
        "has more than nine tenths of its quota. Where live data fill it, the line says what to "
        "do: delete objects (etcd still takes that), or a larger quota, and boot with the new "
        "user-data.\n"
        "- CORRUPT is said with the member's name and otherwise left alone: wipe its data disk and "
        "start it, then disarm the alarm (`etcdctl alarm disarm`; etcd.io, Data corruption)."
    )
    yield (
        "While a single member defragments, its API server waits: seconds for each GiB. "
        "`journalctl -u nodeseed-etcd-maintenance` has what was done. Without the block a node "
        "carries nothing of it."
    )
    yield (
        f"Metrics and health are at `http://127.0.0.1:{METRICS_PORT}`; with `etcd.metrics: node` "
        "at the node's own address too, in plain HTTP. With a certificate of etcd's CA they are at "
        "`https://NODE:2379/metrics` anyhow."
    )


def _sizes() -> Iterator[str]:
    yield "## Large clusters"
    yield (
        "`size: large` is for more than 500 nodes, `size: very-large` for more than 3000. They set "
        "what follows and nothing else; a value without a source is not here. What the cluster "
        "file says otherwise (`extraArgs`, `proxy.configuration`, `etcd.quota`) wins."
    )
    yield table(
        ("Component", "Setting", "large", "very-large", "Source"),
        (_setting(row) for row in SETTINGS),
    )


def _setting(row: Setting) -> tuple[str, ...]:
    modes = f" (mode {', '.join(row.modes)})" if row.modes else ""
    name, large, very_large = f"`{row.name}`", str(row.large), str(row.very_large)
    return f"{row.component}{modes}", name, large, very_large, row.source
