"""Subnets and addresses: what may not meet, and what must lie within what."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.endpoints.endpoint import VirtualAddress
from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.design import node_subnets
from nodeseed.nodes.machine import Machine
from nodeseed.spec.cluster import Cluster
from nodeseed.spec.fields import Address, Network, parse_address
from nodeseed.spec.source import Path

MAX_SERVICE_BITS = 20  # kube-apiserver: at most 2^20 Services in a subnet


def _subnets_at(cluster: Cluster) -> Iterator[tuple[Path, Network]]:
    networking = cluster.networking
    for network in networking.podSubnet:
        yield ("networking", "podSubnet"), network
    for network in networking.serviceSubnet:
        yield ("networking", "serviceSubnet"), network
    for network in networking.nodeSubnet or ():
        yield ("networking", "nodeSubnet"), network
    for index, subnet in enumerate(networking.subnets):
        for network in subnet.cidr:
            yield ("networking", "subnets", index, "cidr"), network


def subnets(whole: Whole) -> Iterator[Problem]:
    """No two subnets overlap; families agree; sizes are what the components accept."""
    networking = whole.cluster.networking
    known = list(_subnets_at(whole.cluster))
    for place, (path, network) in enumerate(known):
        for other_path, other in known[:place]:
            if network.version == other.version and network.overlaps(other):
                yield whole.problem(
                    path,
                    f"{network} overlaps {other} (line {whole.source.line(other_path)})",
                    "addresses of machines, pods and Services must not meet",
                )
    if networking.nodeSubnet and networking.subnets:
        yield whole.problem(
            ("networking", "nodeSubnet"), "nodeSubnet and subnets are both there", "write one"
        )
    pods = [network.version for network in networking.podSubnet]
    services = [network.version for network in networking.serviceSubnet]
    if pods != services:
        yield whole.problem(
            ("networking", "serviceSubnet"),
            f"podSubnet has IPv{', IPv'.join(map(str, pods))}, serviceSubnet "
            f"IPv{', IPv'.join(map(str, services))}",
            "give both the same families in the same order",
        )
    for network in networking.serviceSubnet:
        bits = network.max_prefixlen - network.prefixlen
        if not 4 <= bits <= MAX_SERVICE_BITS:
            yield whole.problem(
                ("networking", "serviceSubnet"),
                f"{network} has 2^{bits} addresses",
                f"use a prefix length of {network.max_prefixlen - MAX_SERVICE_BITS} to "
                f"{network.max_prefixlen - 4}",
            )


def addresses(whole: Whole) -> Iterator[Problem]:
    """Every address lies in a machines' subnet, is used once, and is not the platform's."""
    cluster = whole.cluster
    networks = node_subnets(cluster)
    families = [network.version for network in cluster.networking.podSubnet]
    seen: dict[object, Machine] = {}
    for machine in whole.machines:
        field = "address" if machine.path[0] == "nodes" else "firstAddress"
        at = (*machine.path, field)
        if families and machine.addresses[0].version != families[0]:
            yield whole.problem(
                at,
                f"{machine.name}'s first address is IPv{machine.addresses[0].version}, podSubnet "
                f"begins with IPv{families[0]}",
                "use the same family first",
            )
        if len(families) == 2 and len(machine.addresses) != 2:
            yield whole.problem(
                at,
                f"{machine.name} has one address in a dual-stack cluster",
                "write a list of an IPv4 and an IPv6 address",
            )
        for address in machine.addresses:
            other = seen.setdefault(address, machine)
            if other is not machine:
                yield whole.problem(
                    at,
                    f"{address} of {machine.name} is also {other.name}'s "
                    f"(line {whole.source.line(other.path)})",
                    "give each machine an address of its own",
                )
            inside = [network for network in networks if address in network]
            if networks and not inside:
                yield whole.problem(
                    at,
                    f"{address} of {machine.name} lies in no subnet of the machines",
                    f"use an address in {', '.join(str(network) for network in networks)}",
                )
            for network in inside:
                yield from reserved(whole, at, f"{address} of {machine.name}", address, network)
    endpoint = parse_address(cluster.endpoint.host)
    if endpoint in seen and not isinstance(whole.endpoint_options, VirtualAddress):
        yield whole.problem(
            ("endpoint", "host"),
            f"{endpoint} is the address of node {seen[endpoint].name}",
            "the endpoint needs an address of its own, so that it outlives any node",
        )


def reserved(
    whole: Whole, at: Path, what: str, address: Address, network: Network
) -> Iterator[Problem]:
    """The platform keeps some addresses of each subnet for itself.

    Args:
        whole: the cluster.
        at: where the address is written.
        what: the address in words, and whose it is.
        address: it.
        network: the subnet in which it lies.
    """
    platform = whole.platform
    if platform is None or network.num_addresses <= 4:
        return
    offset = int(address) - int(network.network_address)
    last = network.num_addresses - platform.reserved_last
    if offset < platform.reserved_first or offset >= last:
        yield whole.problem(
            at,
            f"{what} is reserved by {platform.title} in {network}",
            f"use {network[platform.reserved_first]} to {network[last - 1]}",
        )
