"""haproxy on every control plane, and keepalived, which moves a virtual address between them.

haproxy sends each connection to an API server that is ready; keepalived (VRRP, RFC 3768, unicast)
gives the address to a control plane whose haproxy and API server answer. It asks haproxy at a
socket of its own: through the balanced port it might meet a server that has just died, and take the
address from a machine that can serve. Neither asks Kubernetes for anything, so both work before
there is a cluster. Where there are nodes of role load-balancer, they do this instead of the control
planes.
"""

from __future__ import annotations

from typing import Any

from nodeseed.endpoints.endpoint import Balanced, Endpoint, VirtualAddress
from nodeseed.endpoints.vrrp import vrrp

PORT = 8443  # beside API servers that listen on every address


def values(balanced: Balanced) -> dict[str, Any]:
    """What haproxy.cfg and keepalived.conf are made from."""
    return {
        **vrrp(balanced),
        # the API server of this very machine must answer, too, for the address to be here
        "asked": f"https://127.0.0.1:{balanced.api_port}/readyz" if balanced.beside else "",
        "bind": _bind(balanced),
        "servers": balanced.servers,
    }


def _bind(balanced: Balanced) -> str:
    """Where haproxy listens: everywhere, or beside API servers of that port where they do not.

    ``transparent`` lets it listen on an address that is not here yet.
    """
    if not (balanced.beside and balanced.port == balanced.api_port):
        return f":::{balanced.port} v4v6" if balanced.ipv6 else f":{balanced.port}"
    return f"{balanced.address}:{balanced.port} transparent"


ENDPOINT = Endpoint(
    name="haproxy-keepalived",
    roles=("load-balancer", "control-plane"),
    beside=PORT,
    options=VirtualAddress,
    programs=("haproxy -v", "keepalived -v", "curl -V"),
    values=values,
    # The API server listens on every address, haproxy on one of them, at the same port: Linux
    # allows it to programs of one user that all say SO_REUSEPORT, and the narrower one is served.
    # A bind-address would do as well but for kubeadm, which keeps one for all control planes.
    api_server=(("permit-port-sharing", "true"),),
)
