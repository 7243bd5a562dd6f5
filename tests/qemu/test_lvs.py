"""keepalived's IPVS, which the kernel of containers lacks: it balances, and drops a dead server.

One machine is the load balancer, with its own units. API servers and a client are network
namespaces of it, at one bridge with the load balancer's address.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from pathlib import Path

from nodeseed_lab.qemu.machine import QemuMachine, Saved
from tests.integration.conftest import Rendered
from tests.qemu.conftest import MakeMachine, Render, deliver

GAP = 5.0  # the longest time without an answer, in seconds
BALANCER = "lb-1"
ADDRESS = "10.0.0.100"
SERVERS = {"cp-1": "10.0.0.11", "cp-2": "10.0.0.12", "cp-3": "10.0.0.13"}
SPEC = {
    "time": {"source": "host"},
    "endpoint": {"host": ADDRESS, "provider": "lvs-keepalived"},
    "nodes": [
        *(
            {"name": name, "role": "control-plane", "address": address}
            for name, address in SERVERS.items()
        ),
        {"name": BALANCER, "role": "load-balancer", "address": "10.0.0.31"},
    ],
}
GUEST = "/root/guest.py"
PKI = "etc/kubernetes/pki"

# Each namespace: its name and address.
SITE = """
ip link add br0 up type bridge
ip address add 10.0.0.31/24 dev br0
while [ $# -gt 0 ]; do
  ip netns add $1
  ip link add $1 type veth peer name eth0 netns $1
  ip link set $1 up master br0
  ip -n $1 link set lo up
  ip -n $1 address add $2/24 dev eth0
  ip -n $1 link set eth0 up
  shift 2
done
"""


class Site:
    """The load balancer, and what is around it."""

    def __init__(self, machine: QemuMachine, rendered: Rendered, folder: Path) -> None:
        self._machine = machine
        self._clients = 0
        spaces = [word for row in {**SERVERS, "client": "10.0.0.200"}.items() for word in row]
        machine.run("sh", "-ec", SITE, "sh", *spaces)
        machine.put(GUEST, Path(__file__).with_name("guest.py").read_bytes())
        for name in SERVERS:
            pki = rendered.install(name, folder / name) / PKI
            machine.put_tree(pki, f"/root/{name}")
            self.serve(name)

    def _within(self, space: str, unit: str, *command: str) -> None:
        """Run a command in a namespace, as a unit; what it prints goes into a file."""
        self._machine.run(
            *("systemd-run", "--quiet", "--collect", f"--unit={unit}"),
            *("-p", f"StandardOutput=file:/root/{unit}", "ip", "netns", "exec", space, *command),
        )

    def serve(self, name: str) -> None:
        """Let a server run."""
        self._within(name, f"api-{name}", "python3", GUEST, "serve", name, f"/root/{name}", "6443")

    def kill(self, name: str) -> None:
        """Kill a server; its machine still refuses connections."""
        self._machine.run("systemctl", "kill", "-s", "KILL", f"api-{name}")

    def unplug(self, name: str) -> None:
        """Pull a server's network cable: nothing answers."""
        self._machine.run("ip", "link", "set", name, "down")

    def watch(self, seconds: float) -> str:
        """Let a client connect ten times a second; give the file that holds its attempts then."""
        self._clients += 1
        unit = f"client-{self._clients}"
        arguments = ("connect", ADDRESS, "6443", str(seconds))
        self._within("client", unit, "python3", GUEST, *arguments)
        return f"/root/{unit}"

    def attempts(self, file: str) -> list[tuple[float, str]]:
        """When each attempt of a client ended, and who answered; waits for the last."""
        deadline = time.monotonic() + 60
        while not (text := self._machine.exec("cat", file)[1]).startswith("["):
            assert time.monotonic() < deadline, f"the client does not end: {text}"
            time.sleep(0.5)
        return [(when, who) for when, who in json.loads(text)]

    def balanced(self) -> set[str]:
        """The servers to which the kernel sends connections."""
        table = self._machine.run("ipvsadm", "-Ln")
        found = re.findall(r"-> (\S+):6443 +Masq +([0-9]+)", table)
        by_address = {address: name for name, address in SERVERS.items()}
        return {by_address[address] for address, weight in found if weight != "0"}

    def until_balanced(self, servers: set[str], seconds: float) -> None:
        """Wait until the kernel sends connections to these servers alone."""
        end = time.monotonic() + seconds
        while (balanced := self.balanced()) != servers:
            assert time.monotonic() < end, f"{balanced}\n{self._machine.console}"
            time.sleep(0.5)


def gap(attempts: list[tuple[float, str]]) -> float:
    """The longest time without an answer, in seconds."""
    times = [when for when, who in attempts if who]
    times = [attempts[0][0], *times, attempts[-1][0]]
    return max(b - a for a, b in itertools.pairwise(times))


def test_the_kernel_balances_and_drops_a_dead_server(
    render: Render, machine: MakeMachine, saved: Saved, tmp_path: Path
) -> None:
    rendered = render(**SPEC)
    balancer = machine(BALANCER)
    balancer.resume(saved)
    site = Site(balancer, rendered, tmp_path)
    deliver(balancer, rendered)
    balancer.wait_for(f"nodeseed {BALANCER}: preflight: all is well")
    site.until_balanced(set(SERVERS), 60)

    attempts = site.attempts(site.watch(6))
    shares = Counter(who for _, who in attempts)
    assert shares.keys() == set(SERVERS), shares
    assert min(shares.values()) > len(attempts) / 5, shares

    for fail, victim in ((site.kill, "cp-2"), (site.unplug, "cp-3")):
        left = site.balanced() - {victim}
        file = site.watch(12)
        time.sleep(2)
        fail(victim)
        site.until_balanced(left, 15)
        attempts = site.attempts(file)
        longest = gap(attempts)
        failed = sum(not who for _, who in attempts)
        print(f"{fail.__name__} {victim}: {longest:.1f} s without an answer, {failed} failed")
        assert longest <= GAP, attempts
        assert {who for when, who in attempts if when > attempts[-1][0] - 2} == left

    site.serve("cp-2")
    site.until_balanced({"cp-1", "cp-2"}, 30)
