"""What a load balancer on the control planes is made from."""

from __future__ import annotations

from typing import Any

from nodeseed.endpoints.endpoint import Balanced
from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.pki.encoding import digest
from nodeseed.pki.references import VRRP_PASSWORD
from nodeseed.spec.fields import parse_address


def is_balanced(design: Design, machine: Machine) -> bool:
    """Whether the machine runs the cluster's load balancer."""
    return machine.role == "control-plane" and design.endpoint.values is not None


def balance_values(design: Design, machine: Machine) -> dict[str, Any]:
    """What the files of ``cloud-init/endpoint-NAME`` may use beside what all templates may."""
    if design.endpoint.values is None:
        return {}
    address = design.virtual_address
    cluster = design.cluster
    family = address.version if address else machine.addresses[0].version
    return design.endpoint.values(
        Balanced(
            cluster=cluster.name,
            address=address,
            port=design.endpoint_port,
            api_port=cluster.apiServer.port,
            ipv6=any(network.version == 6 for network in cluster.networking.podSubnet),
            router_id=digest("vrrp", cluster.name)[0] % 255 + 1,
            password=VRRP_PASSWORD,
            node=machine.name,
            control_planes={
                control_plane.name: next(a for a in control_plane.addresses if a.version == family)
                for control_plane in design.control_planes
            },
        )
    )


def api_server_flags(design: Design) -> dict[str, str]:
    """Flags that the API servers need beside a load balancer on their own machines."""
    if design.endpoint_port != design.cluster.apiServer.port:
        return {}
    return dict(design.endpoint.api_server)


def endpoint_hosts(design: Design, machine: Machine) -> dict[str, list[str]]:
    """What the endpoint's name means on the machine, where DNS is not asked.

    On a control plane it means the node itself; on workers the virtual address, if there is one.
    """
    host = design.cluster.endpoint.host
    if parse_address(host) is not None:
        return {}
    if machine.role == "control-plane":
        return {machine.address: [host]}
    if machine.role == "worker" and design.virtual_address is not None:
        return {str(design.virtual_address): [host]}
    return {}
