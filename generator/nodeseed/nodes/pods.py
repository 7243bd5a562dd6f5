"""The pod network by arithmetic (``cni: bridge``). Pure."""

from __future__ import annotations

from typing import Any

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine


def pod_subnets(design: Design, machine: Machine) -> list[str]:
    """The machine's own pod subnets: base + (address - machines' base) x one node's size."""
    networking = design.cluster.networking
    found = []
    for address in machine.addresses:
        pods = next(n for n in networking.podSubnet if n.version == address.version)
        nodes = next(n for n in networking.nodeSubnet or () if address in n)
        mask = 24 if address.version == 4 else 64
        offset = int(address) - int(nodes.network_address)
        base = int(pods.network_address) + (offset << (address.max_prefixlen - mask))
        found.append(f"{type(address)(base)}/{mask}")
    return found


def pod_network(design: Design, machine: Machine) -> dict[str, Any]:
    """What the files of ``cloud-init/cni-bridge`` may use beside what all templates may."""
    subnets = pod_subnets(design, machine)
    networking = design.cluster.networking
    return {
        "pod_families": [
            ("ip" if pods.version == 4 else "ip6", str(pods), str(services))
            for pods, services in zip(networking.podSubnet, networking.serviceSubnet, strict=True)
        ],
        "pod_ranges": [[{"subnet": subnet}] for subnet in subnets],
        "pod_default_routes": [
            {"dst": "::/0" if pods.version == 6 else "0.0.0.0/0"} for pods in networking.podSubnet
        ],
    }
