"""What a load balancer on the cluster's own nodes is made from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from nodeseed.endpoints.endpoint import Balanced
from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.pki.encoding import digest
from nodeseed.pki.references import VRRP_PASSWORD
from nodeseed.spec.fields import Address, parse_address


def balance_values(design: Design, machine: Machine) -> dict[str, Any]:
    """What the files of ``cloud-init/endpoint-NAME`` may use beside what all templates may."""
    if design.endpoint.values is None or not design.balances(machine):
        return {}
    cluster = design.cluster
    balancers, control_planes = _addresses(design)
    return design.endpoint.values(
        Balanced(
            cluster=cluster.name,
            address=design.virtual_address,
            port=design.endpoint_port,
            api_port=cluster.apiServer.port,
            ipv6=any(network.version == 6 for network in cluster.networking.podSubnet),
            router_id=digest("vrrp", cluster.name)[0] % 255 + 1,
            password=VRRP_PASSWORD,
            node=machine.name,
            balancers=balancers,
            control_planes=control_planes,
            options=design.endpoint_options,
        )
    )


@lru_cache(maxsize=2)
def _addresses(design: Design) -> tuple[dict[str, Address], dict[str, Address]]:
    """Addresses of the nodes that balance, and of the control planes, by name; of one family."""
    address = design.virtual_address or design.control_planes[0].addresses[0]

    def of_family(machines: tuple[Machine, ...]) -> dict[str, Address]:
        return {
            machine.name: next(a for a in machine.addresses if a.version == address.version)
            for machine in machines
        }

    return of_family(design.balancers), of_family(design.control_planes)


def api_server_flags(design: Design) -> dict[str, str]:
    """Flags that the API servers need beside a load balancer on their own machines."""
    apart = design.endpoint_port != design.cluster.apiServer.port
    if apart or not design.balances(design.control_planes[0]):
        return {}
    return dict(design.endpoint.api_server)


def endpoint_hosts(design: Design, machine: Machine) -> dict[str, list[str]]:
    """What the endpoint's name means on the machine, where DNS is not asked.

    On a control plane it means the node itself, unless that is to go through the load balancer; on
    workers themselves, too, if they balance, or the virtual address, if there is one.
    """
    host = design.cluster.endpoint.host
    if parse_address(host) is not None or not machine.is_node:
        return {}
    if machine.role == "control-plane" and design.cluster.endpoint.controlPlanes == "local":
        return {machine.address: [host]}
    if machine.role == "worker" and design.balances(machine):
        return {"127.0.0.1": [host]}
    if design.virtual_address is not None:
        return {str(design.virtual_address): [host]}
    return {}
