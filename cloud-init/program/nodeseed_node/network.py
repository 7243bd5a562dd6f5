"""Sysctls, hosts entries and pod routes, at every boot: container hosts and DHCP forget them."""

from __future__ import annotations

from ipaddress import ip_network

from nodeseed_node.machine import Machine

HOSTS = "etc/hosts"
MARK = "# nodeseed"


def network(m: Machine) -> int:
    """Set all three; an error is said, and after a minute stops holding up the node."""
    config = m.config
    lines = [line for line in m.text(HOSTS).splitlines() if not line.endswith(MARK)]
    lines += [f"{address} {' '.join(names)} {MARK}" for address, names in config["hosts"].items()]
    hosts = "\n".join([*lines, ""])
    if m.text(HOSTS) != hosts:
        try:
            m.write(HOSTS, hosts)
        except OSError:  # a bind mount, in a container, cannot be replaced
            m.path(HOSTS).write_text(hosts)
    m.run("sysctl", "-q", "-p", "/etc/sysctl.d/99-nodeseed.conf")
    routes = []
    for nodes, pods in config.get("podRoutes") or []:
        # every node's pod subnet lies as far from the first as its address does, so a node that
        # does not exist yet is routed too, and a new one is reached without touching the others
        subnet, base = ip_network(nodes), ip_network(pods)[0]
        size, shift = (24, 8) if base.version == 4 else (64, 64)
        routes += [
            f"route replace {base + (int(host) - int(subnet[0]) << shift)}/{size} via {host}\n"
            for host in subnet.hosts()
            if str(host) not in config["addresses"]
        ]

    def route() -> str:
        code, said = m.run("ip", "-batch", "-", stdin="".join(routes))
        return f"routes: {said}" if code else ""

    if m.until(route, 60):
        m.say(f"{len(routes)} pod routes, {len(config['hosts'])} hosts")
    return 0
