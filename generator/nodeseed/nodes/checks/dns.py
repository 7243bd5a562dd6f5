"""The cluster's DNS: amounts that fit together, servers that can be asked, zones that hide none."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.design import node_subnets
from nodeseed.nodes.dns import NODE_LOCAL
from nodeseed.spec.dns import Dns, address_of, amount
from nodeseed.spec.fields import Address, Network, parse_address
from nodeseed.spec.source import Path

MOST_SERVERS: Final = 15  # coredns plugin/forward/setup.go, max
METADATA: Final = ip_network("169.254.168.0/22")  # DNS, time, credentials and metadata of clouds
LOCAL: Final = tuple(
    map(
        ip_network,
        ("169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    )
)
_REVERSE: Final = {"in-addr.arpa": (4, 8), "ip6.arpa": (6, 4)}  # family, bits for each label


def dns(whole: Whole) -> Iterator[Problem]:
    """What the cluster file says of DNS holds together."""
    wanted = whole.cluster.dns
    if wanted is None:
        return
    yield from _amounts(whole, wanted)
    yield from _replicas(whole, wanted)
    yield from _servers(whole, wanted)
    for name in wanted.zones:
        yield from _zone(whole, name)
    yield from _node_local(whole, wanted)


def _amounts(whole: Whole, wanted: Dns) -> Iterator[Problem]:
    for what in ("cpu", "memory"):
        request, limit = getattr(wanted.requests, what), getattr(wanted.limits, what)
        if limit is None or amount(limit) >= amount(request):
            continue
        written: Path = ("dns", "limits", what)
        yield whole.problem(
            written if whole.source.value(written) is not None else ("dns", "requests", what),
            f"the limit of {what}, {limit}, is below what is requested, {request}",
            f"write a limit of {request} or more, or request {limit} or less",
        )


def _replicas(whole: Whole, wanted: Dns) -> Iterator[Problem]:
    scaling = wanted.autoscaling
    if scaling is None:
        return
    if wanted.replicas is not None:
        yield whole.problem(
            ("dns", "replicas"),
            f"{wanted.replicas} replicas, and autoscaling decides how many",
            f"write one of the two; for at least {wanted.replicas}: autoscaling.min",
        )
    if scaling.max is not None and scaling.max < scaling.min:
        yield whole.problem(
            ("dns", "autoscaling", "max"),
            f"at most {scaling.max} replicas, and at least {scaling.min}",
            f"write {scaling.min} or more, or a smaller min",
        )


def _servers(whole: Whole, wanted: Dns) -> Iterator[Problem]:
    lists: list[tuple[Path, tuple[str, ...]]] = [
        (("dns", "upstreams"), wanted.upstreams),
        *((("dns", "zones", name), servers) for name, servers in wanted.zones.items()),
    ]
    for path, servers in lists:
        if len(servers) > MOST_SERVERS:
            yield whole.problem(
                path, f"there are {len(servers)} servers", f"CoreDNS takes {MOST_SERVERS} at most"
            )
        for index, text in enumerate(servers):
            address = parse_address(address_of(text))
            reason = _unusable(whole, wanted, address) if address else ""
            if reason:
                yield whole.problem(
                    (*path, index), f"{text} {reason}", "name a server that pods can reach"
                )


def _unusable(whole: Whole, wanted: Dns, address: Address) -> str:
    services = whole.cluster.networking.serviceSubnet
    if services and address == services[0][10]:
        return "is the cluster's own DNS, which would ask itself"
    if wanted.nodeLocal and str(address) == str(wanted.nodeLocal.address or NODE_LOCAL):
        return "is the cache on every node, which would ask itself"
    if address.is_loopback:
        return "is a pod's own loopback address, where nobody answers"
    return "is no address of a machine" if address.is_unspecified or address.is_multicast else ""


def _zone(whole: Whole, name: str) -> Iterator[Problem]:
    domain = whole.cluster.networking.dnsDomain
    at: Path = ("dns", "zones", name)
    if f".{name}".endswith(f".{domain}") or f".{domain}".endswith(f".{name}"):
        yield whole.problem(
            at,
            f"zone {name} would take the place of {domain}, the names of Services, or part of it",
            "name a zone beside it, or write another networking.dnsDomain",
        )
    networking = whole.cluster.networking
    for network in (*networking.serviceSubnet, *networking.podSubnet):
        reverse = _reverse(name, network)
        if reverse is not None and reverse.overlaps(network):
            yield whole.problem(
                at,
                f"zone {name} is about {reverse}, where {network} of this cluster lies",
                "name smaller zones, beside it",
            )


def _reverse(name: str, network: Network) -> Network | None:
    """The addresses that a reverse zone is about (RFC 1035, 3596); None where it is another."""
    for suffix, (version, bits) in _REVERSE.items():
        if version == network.version and f".{name}".endswith(f".{suffix}"):
            labels = name.removesuffix(suffix).rstrip(".").split(".")
            value = 0
            labels = [label for label in reversed(labels) if label]
            try:
                for label in labels:
                    value = (value << bits) | int(label, 10 if version == 4 else 16)
                length = bits * len(labels)
                return type(network)((value << (network.max_prefixlen - length), length))
            except (ValueError, OverflowError):
                return None  # such as 0-63.2.0.192.in-addr.arpa (RFC 2317)
    return None


def _node_local(whole: Whole, wanted: Dns) -> Iterator[Problem]:
    services = whole.cluster.networking.serviceSubnet
    if wanted.nodeLocal is None or not services:
        return
    address = wanted.nodeLocal.address or parse_address(NODE_LOCAL)
    at: Path = ("dns", "nodeLocal", "address")
    if address is None or address.version != services[0].version:
        yield whole.problem(
            at if wanted.nodeLocal.address else ("dns", "nodeLocal"),
            f"the cache's address is IPv{4 if address is None else address.version}, the "
            f"cluster's DNS has IPv{services[0].version}",
            f"write an address such as {'fd00::10' if services[0].version == 6 else NODE_LOCAL}",
        )
        return
    networking = whole.cluster.networking
    for network in (*services, *networking.podSubnet, *node_subnets(whole.cluster)):
        if address in network:
            yield whole.problem(
                at,
                f"{address} lies in {network}, whose addresses others use",
                "write one outside all subnets of the cluster, such as "
                f"{NODE_LOCAL if address.version == 4 else 'fd00::10'}",
            )
    if not any(address in network for network in LOCAL):
        yield whole.problem(
            at,
            f"{address} may belong to somebody else",
            f"write a link-local or private one, such as {NODE_LOCAL}, or of fd00::/8 on IPv6",
        )
    elif address.version == 4 and address in METADATA:
        yield whole.problem(
            at, f"{address} lies where clouds have services of their own", f"write {NODE_LOCAL}"
        )
