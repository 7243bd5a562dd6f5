"""Who a machine of an elastic pool is: its name, addresses and arguments, known to itself alone."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address, ip_network
from typing import Any

from nodeseed_node.install import CONFIG
from nodeseed_node.instance import instance_data, whole_id
from nodeseed_node.machine import Machine

CONFLIST = "etc/cni/net.d/10-nodeseed.conflist"


def elastic(m: Machine) -> int:
    """Complete the configuration; at every boot, since an address may be another one then."""
    m.until(lambda: _complete(m))
    m.say(f"a machine of pool {m.config['pool']}")
    return 0


def _complete(m: Machine) -> str:
    config = m.config
    pool = config["pool"]
    known = instance_data(m)
    instance, zone = known.get("instance_id") or "", known.get("availability_zone")
    host = m.text("proc/sys/kernel/hostname").strip().partition(".")[0].lower()
    # A platform that names machines after the group keeps its names; an ID is never used again.
    name = host
    if not host.startswith(f"{pool}-"):
        own = re.sub("[^a-z0-9]+", "-", instance.lower()).strip("-")
        if not own:
            return f"the host name does not begin with {pool}-, and cloud-init knows no instance ID"
        name = f"{pool}-{own}"[:63]
        m.path("proc/sys/kernel/hostname").write_text(name)
    addresses = []
    said = m.run("ip", "-o", "address")[1]
    for family in config["families"]:
        mine = [
            address
            for address in map(ip_address, re.findall(r" inet6? ([0-9a-f.:]+)/", said))
            if address.version == family
            if any(address in ip_network(subnet) for subnet in config["poolSubnets"])
        ]
        if not mine:
            return f"no interface has an IPv{family} address in {', '.join(config['poolSubnets'])}"
        addresses.append(str(mine[0]))
    config.update(node=name, addresses=addresses)
    m.write(CONFIG, json.dumps(config), 0o600)
    arguments = [f"--hostname-override={name}", f"--node-ip={','.join(addresses)}"]
    if config["providerID"]:
        arguments.append(f"--provider-id={whole_id(m, config['providerID'])}")
    if zone and config["zoned"]:
        arguments.append(f"--node-labels=topology.kubernetes.io/zone={zone}")
    flags = m.text("var/lib/kubelet/kubeadm-flags.env").strip()[:-1]
    m.write("run/nodeseed/elastic.env", f'{flags} {" ".join(arguments)}"\n')
    if "podRoutes" in config:
        _pods(m, config)
    return ""


def _pods(m: Machine, config: Any) -> None:
    """Give our pods the subnet that belongs to our address, as for every other node."""
    rules = m.load(CONFLIST)
    ranges = []
    for nodes, pods in config["podRoutes"].items():
        for address in map(ip_address, config["addresses"]):
            if address in ip_network(nodes):
                far = int(address) - int(ip_network(nodes)[0])
                ranges.append([{"subnet": f"{ip_network(pods)[0] + (far << 8)}/24"}])
    rules["plugins"][0]["ipam"]["ranges"] = ranges
    m.write(CONFLIST, json.dumps(rules))
