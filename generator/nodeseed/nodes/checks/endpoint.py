"""The way to the API."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.endpoints import ENDPOINTS
from nodeseed.endpoints.endpoint import VirtualAddress
from nodeseed.errors import Problem
from nodeseed.nodes.checks.addresses import reserved
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.design import (
    API_PORT,
    endpoint_port_of,
    node_subnets,
    virtual_address_of,
)
from nodeseed.platforms.nocloud_network import NetworkOptions
from nodeseed.spec.fields import parse_address
from nodeseed.spec.source import Path


def endpoint_port(whole: Whole) -> Iterator[Problem]:
    """On a control plane the endpoint's name is the node itself: something must listen there."""
    endpoint, cluster = whole.endpoint, whole.cluster
    if endpoint is None:
        return
    port, api_port = endpoint_port_of(cluster, endpoint, whole.machines), cluster.apiServer.port
    host, meant = cluster.endpoint.host, ""
    if parse_address(host) is None and cluster.endpoint.controlPlanes == "local":
        meant = f", where {host} means the node itself"
    elif parse_address(host) is not None and whole.platform and whole.platform.hairpin:
        yield whole.problem(
            ("endpoint", "host"),
            f"an address as endpoint: on {whole.platform.title} a control plane cannot reach "
            "itself through the load balancer",
            "use a DNS name; on control planes it will mean the node itself",
        )
    there = whole.balancers and whole.balancers[0].role == "control-plane"
    apart = (endpoint.beside, API_PORT) if there and endpoint.beside else None
    if (meant or there) and port != api_port and (port, api_port) != apart:
        legal = f", or {apart[0]} beside apiServer.port {apart[1]}" if apart else ""
        yield whole.problem(
            ("endpoint", "port"),
            f"nothing would listen on port {port} of a control plane{meant}",
            f"write port {api_port}, as apiServer.port{legal}",
        )


def load_balancers(whole: Whole) -> Iterator[Problem]:
    """Nodes of role load-balancer have something to run."""
    if whole.endpoint is None or "load-balancer" in whole.endpoint.roles:
        return
    providers = [name for name, row in ENDPOINTS.items() if "load-balancer" in row.roles]
    for machine in whole.machines:
        if machine.role == "load-balancer":
            yield whole.problem(
                (*machine.path, "role"),
                f"{machine.name} would run nothing: endpoint {whole.endpoint.name} has no use for "
                "nodes of role load-balancer",
                f"write endpoint.provider: {' or '.join(providers)}, or take the node out",
            )


def servers(whole: Whole) -> Iterator[Problem]:
    """There are enough API servers for the load balancer to make sense."""
    endpoint = whole.endpoint
    there = sum(machine.role == "control-plane" for machine in whole.machines)
    if endpoint is not None and there < endpoint.servers:
        yield whole.problem(
            ("endpoint", "provider"),
            f"{endpoint.name} has nothing to balance with {there} control plane",
            f"use {endpoint.servers + 1} control planes, or write `provider: external`",
        )


def ipvs_of_two(whole: Whole) -> Iterator[Problem]:
    """kube-proxy in mode ipvs removes whatever IPVS has that is not its own.

    Not what ``ipvs.excludeCIDRs`` names (kubernetes pkg/proxy/ipvs/proxier.go,
    cleanLegacyService).
    """
    address = virtual_address_of(whole.cluster, whole.endpoint_options)
    proxy = whole.cluster.proxy
    beside = any(machine.role == "control-plane" for machine in whole.balancers)
    if not (whole.endpoint and whole.endpoint.ipvs and beside and address) or proxy.mode != "ipvs":
        return
    section = proxy.configuration.get("ipvs")
    spared = section.get("excludeCIDRs") if isinstance(section, dict) else None
    if f"{address}/{address.max_prefixlen}" not in (spared or ()):
        yield whole.problem(
            ("proxy", "mode"),
            f"kube-proxy in mode ipvs would remove what balances {address} on control planes",
            f"write proxy.configuration.ipvs.excludeCIDRs: [{address}/{address.max_prefixlen}], "
            "or another proxy.mode",
        )


# What listens on a worker, or may: the kubelet (docs of --port and --healthz-port), kube-proxy
# (--healthz-bind-address and --metrics-bind-address), and the node ports of Services.
_TAKEN = {
    22: "sshd",
    10248: "the kubelet's health check",
    10249: "kube-proxy's metrics",
    10250: "the kubelet",
    10256: "kube-proxy's health check",
}
_NODE_PORTS = range(30000, 32768)  # --service-node-port-range


def node_local(whole: Whole) -> Iterator[Problem]:
    """On workers the name means themselves, and the port is free."""
    endpoint, cluster = whole.endpoint, whole.cluster
    if endpoint is None or "worker" not in endpoint.roles:
        return
    if parse_address(cluster.endpoint.host) is not None:
        yield whole.problem(
            ("endpoint", "host"),
            f"{endpoint.name} needs a name: on workers it means 127.0.0.1, on control planes "
            "themselves, and an address means the same everywhere",
            "write a DNS name, which DNS resolves to the addresses of the control planes",
        )
    if cluster.endpoint.controlPlanes == "endpoint":
        yield whole.problem(
            ("endpoint", "controlPlanes"),
            f"{endpoint.name} balances on workers alone, so control planes have nothing to go "
            "through",
            "write `controlPlanes: local`, or another provider",
        )
    port = endpoint_port_of(cluster, endpoint, whole.machines)
    owner = "node ports of Services" if port in _NODE_PORTS else _TAKEN.get(port)
    if owner:
        yield whole.problem(
            ("endpoint" if cluster.endpoint.port else "apiServer", "port"),
            f"haproxy cannot have port {port} on workers: it belongs to {owner}",
            f"write another for endpoint.port and apiServer.port, such as {API_PORT}",
        )


def virtual_address(whole: Whole) -> Iterator[Problem]:
    """A virtual address can move between its nodes: same subnet, nobody else's."""
    options, platform, cluster = whole.endpoint_options, whole.platform, whole.cluster
    if not isinstance(options, VirtualAddress) or platform is None:
        return
    provider = cluster.endpoint.provider
    if not platform.flat_layer2:
        yield whole.problem(
            ("endpoint", "provider"),
            f"{provider} cannot work on {platform.title}, whose network lets no address move from "
            "machine to machine",
            "write `provider: external` and use the platform's load balancer",
        )
        return
    address, host = virtual_address_of(cluster, options), parse_address(cluster.endpoint.host)
    if address is None:
        yield whole.problem(
            ("endpoint",),
            f"{provider} needs the virtual address that {cluster.endpoint.host} means",
            "write endpoint.address, a free address in the machines' subnet",
        )
        return
    at: Path = ("endpoint", "address" if options.address else "host")
    if host is not None and host != address:
        yield whole.problem(
            at, f"endpoint.host is another address, {host}", "leave endpoint.address out"
        )
    networks = node_subnets(cluster)
    network = next((network for network in networks if address in network), None)
    if network is None:
        listed = ", ".join(str(network) for network in networks)
        yield whole.problem(
            at,
            f"{address} lies in no subnet of the machines",
            f"use a free address in {listed}" if listed else "write networking.nodeSubnet",
        )
        return
    yield from reserved(whole, at, f"{address}", address, network)
    for machine in whole.machines:
        if address in machine.addresses:
            yield whole.problem(
                at,
                f"{address} is the address of node {machine.name}",
                "use a free address: it outlives any node",
            )
        if machine in whole.balancers and not any(a in network for a in machine.addresses):
            yield whole.problem(
                at,
                f"{machine.name} has no address in {network}, so {address} cannot move to it",
                "put all that hold it in one subnet, or write `provider: external`",
            )
    if isinstance(whole.options, NetworkOptions) and address in (whole.options.gateways or ()):
        yield whole.problem(at, f"{address} is the gateway", "use a free address")
