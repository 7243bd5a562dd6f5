"""The route to every pod subnet, at every boot, where no other program makes them."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import islice

from nodeseed_node.machine import Machine


def routes(m: Machine) -> int:
    """Route the whole range; an error is said, and after a minute stops holding up the node.

    Every node's pod subnet lies as far from the first as its address does. So a node that does
    not exist yet is routed too, and a new one is reached without touching the others.
    """
    lines: list[str] = []
    for nodes, pods in m.config["podRoutes"].items():
        subnet, base = ip_network(nodes), ip_network(pods)[0]
        size, shift = (24, 8) if base.version == 4 else (64, 64)
        lines += [
            f"route replace {base + (int(host) - int(subnet[0]) << shift)}/{size} via {host}\n"
            for host in islice(subnet.hosts(), 1023)  # all of a /22, the start of an IPv6 subnet
            if str(host) not in m.config["addresses"]
        ]

    def missing() -> str:
        code, said = m.run("ip", "-batch", "-", stdin="".join(lines))
        return said if code else ""

    if m.until(missing, 60):
        m.say(f"{len(lines)} pod routes")
    return 0
