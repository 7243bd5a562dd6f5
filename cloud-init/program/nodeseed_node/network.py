"""Sysctls and hosts entries, at every boot: container hosts and cloud-init rewrite them."""

from __future__ import annotations

from nodeseed_node.machine import Machine

HOSTS = "etc/hosts"
MARK = "# nodeseed"


def network(m: Machine) -> int:
    """Set both."""
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
    m.say(f"{len(config['hosts'])} hosts")
    return 0
