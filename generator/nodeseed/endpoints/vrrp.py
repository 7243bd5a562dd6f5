"""keepalived's part: one virtual address that nodes hold by turns (VRRP, unicast)."""

from __future__ import annotations

from typing import Any

from nodeseed.endpoints.endpoint import Balanced


def vrrp(balanced: Balanced) -> dict[str, Any]:
    """What cloud-init/partials/vrrp.conf is made from."""
    names = list(balanced.balancers)
    own = balanced.balancers[balanced.node]
    return {
        "virtual_address": str(balanced.address),
        "virtual_router_id": balanced.router_id,
        # Two that both come up first part at once, without a round of adverts.
        "priority": 200 - names.index(balanced.node),
        "own_address": str(own),
        "peers": [str(a) for name, a in balanced.balancers.items() if name != balanced.node],
        # VRRP version 3, the only one for IPv6, knows no passwords (RFC 9568).
        "password": balanced.password if own.version == 4 else "",
    }
