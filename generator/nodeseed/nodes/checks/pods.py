"""The pod network."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.spec.fields import Network
from nodeseed.spec.source import Path

ROUTED = 1022  # as many as a /22 has; the nodes' step routes has the same limit
NODE_MASK = {4: 24, 6: 64}  # pod subnet of one node, kube-controller-manager's default


def pod_network(whole: Whole) -> Iterator[Problem]:
    """The pod subnet has room for every node, and bridging works where it was asked for."""
    networking = whole.cluster.networking
    if networking.cni == "bridge":
        yield from _bridge(whole)
        return
    kubelets = sum(machine.is_node for machine in whole.machines)
    kubelets += sum(pool.elastic.max for pool in whole.cluster.pools if pool.elastic)
    for network in networking.podSubnet:
        bits = NODE_MASK[network.version] - network.prefixlen
        if bits < 0 or 2**bits < kubelets:
            need = NODE_MASK[network.version] - max(kubelets - 1, 0).bit_length()
            yield whole.problem(
                ("networking", "podSubnet"),
                f"{network} has room for {2**bits if bits >= 0 else 0} nodes of "
                f"/{NODE_MASK[network.version]} each, there are {kubelets}",
                f"use a prefix length of {need} or less",
            )
        elif network.version == 6 and bits > 16:
            yield whole.problem(
                ("networking", "podSubnet"),
                f"{network} is wider than kube-controller-manager accepts",
                "use a prefix length of 48 to 64",
            )


def _bridge(whole: Whole) -> Iterator[Problem]:
    networking, platform = whole.cluster.networking, whole.platform
    at: Path = ("networking", "cni")
    if platform is not None and not platform.flat_layer2:
        yield whole.problem(
            at if whole.source.value(at) else ("networking",),
            f"cni: bridge cannot work on {platform.title}, whose network drops pods' addresses",
            "write `cni: none` and list a network add-on under manifests:",
        )
        return
    if networking.nodeSubnet is None:
        yield whole.problem(
            ("networking",),
            "cni: bridge needs nodeSubnet, the one flat subnet of all machines",
            "write nodeSubnet (/22 to /24), or `cni: none`",
        )
        return
    pods = {network.version: network for network in networking.podSubnet}
    for nodes in networking.nodeSubnet:
        if nodes.version == 4 and not 22 <= nodes.prefixlen <= 24:
            yield whole.problem(
                ("networking", "nodeSubnet"), f"{nodes} is no /22 to /24", "cni: bridge needs that"
            )
            continue
        pod = pods.get(nodes.version)
        if pod is None:
            continue
        # One pod subnet (/24 or /64) for every address of the machines' subnet.
        wanted = NODE_MASK[nodes.version] - (nodes.max_prefixlen - nodes.prefixlen)
        if nodes.version == 6:
            wanted = max(wanted, 48)
        if pod.prefixlen > wanted:
            yield whole.problem(
                ("networking", "podSubnet"),
                f"{pod} is too small: cni: bridge gives each address of {nodes} a pod subnet",
                f"write {pod.supernet(new_prefix=wanted)}",
            )
    yield from _out_of_reach(whole, networking.nodeSubnet)


def _out_of_reach(whole: Whole, nodes: tuple[Network, ...]) -> Iterator[Problem]:
    """An IPv6 subnet has more addresses than a machine can have routes."""
    for machine in whole.machines:
        for address in machine.addresses:
            network = next((network for network in nodes if address in network), None)
            if network and int(address) - int(network.network_address) > ROUTED:
                yield whole.problem(
                    (*machine.path, "address" if machine.path[0] == "nodes" else "firstAddress"),
                    f"cni: bridge routes the first {ROUTED} addresses of {network}, and {address} "
                    f"of {machine.name} is none of them",
                    f"use {network[1]} to {network[ROUTED]}",
                )
