"""LVS: the kernel balances (IPVS), and keepalived tells it which API servers are ready.

keepalived also moves a virtual address between the nodes that balance, by VRRP: the control planes,
or nodes of role load-balancer where there are such. Packets are rewritten and take the balancing
node's address (docs/adr/0007), so the API servers' machines need nothing for it.
"""

from __future__ import annotations

from typing import Any

from nodeseed.endpoints.endpoint import Balanced, Endpoint, VirtualAddress
from nodeseed.endpoints.vrrp import vrrp


def values(balanced: Balanced) -> dict[str, Any]:
    """What keepalived.conf and the rules beside it are made from."""
    address = balanced.balancers[balanced.node]
    return {
        **vrrp(balanced),
        "port": balanced.port,
        "real_servers": [str(a) for a in balanced.control_planes.values()],
        "api_port": balanced.api_port,
        "family": "ip6" if address.version == 6 else "ip",
    }


ENDPOINT = Endpoint(
    name="lvs-keepalived",
    roles=("load-balancer", "control-plane"),
    servers=2,
    ipvs=True,
    options=VirtualAddress,
    programs=("keepalived -v", "nft --version"),
    values=values,
)
