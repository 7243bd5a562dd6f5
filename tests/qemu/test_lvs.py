"""keepalived's IPVS, which the kernel of containers lacks: it balances, and drops who is dead.

Two machines are the load balancers, with their own units, at one cable. API servers and a client
are network namespaces of the one that stands by, at a bridge with its address and its end of the
cable.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from pathlib import Path

from nodeseed_lab.qemu.hardware import Cable
from nodeseed_lab.qemu.machine import QemuMachine, Saved
from tests.integration.conftest import Rendered
from tests.qemu.conftest import MakeMachine, Render, deliver

GAP = 5.0  # the longest time without an answer, in seconds
CABLE = 18050
# The first takes the address and loses its power; the other has the site within it.
ACTIVE, STANDBY = "lb-2", "lb-1"
BALANCERS = {STANDBY: "10.0.0.31", ACTIVE: "10.0.0.32"}
ADDRESS = "10.0.0.100"
SERVERS = {"cp-1": "10.0.0.11", "cp-2": "10.0.0.12", "cp-3": "10.0.0.13"}
SPEC = {
    "time": {"source": "host"},
    "endpoint": {"host": ADDRESS, "provider": "lvs-keepalived"},
    "nodes": [
        {"name": name, "role": role, "address": address}
        for role, machines in {"control-plane": SERVERS, "load-balancer": BALANCERS}.items()
        for name, address in machines.items()
    ],
}
GUEST = "/root/guest.py"
PKI = "etc/kubernetes/pki"

# The shell knows the network card's name from the folder.
PLUGGED = "cd /sys/class/net && ip address add $1/24 dev e* && ip link set e* up"
# The load balancer's address; then each namespace: its name and address. At its end of the cable
# a machine hears what it said itself, so nothing is learned there of who is where.
SITE = """
ip link add br0 up type bridge
ip address add $1/24 dev br0
cd /sys/class/net
ip link set e* up master br0
ip link set e* type bridge_slave learning off
shift
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
    """What is around the load balancers, within the machine of one of them."""

    def __init__(self, machine: QemuMachine, rendered: Rendered, folder: Path) -> None:
        self._machine = machine
        self._clients = 0
        spaces = [word for row in {**SERVERS, "client": "10.0.0.200"}.items() for word in row]
        machine.run("sh", "-ec", SITE, "sh", BALANCERS[machine.node], *spaces)
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


def balanced(machine: QemuMachine) -> set[str]:
    """The servers to which a load balancer's kernel sends connections."""
    table = machine.run("ipvsadm", "-Ln")
    found = re.findall(r"-> (\S+):6443 +Masq +([0-9]+)", table)
    by_address = {address: name for name, address in SERVERS.items()}
    return {by_address[address] for address, weight in found if weight != "0"}


def until_balanced(machine: QemuMachine, servers: set[str], seconds: float) -> None:
    """Wait until a load balancer's kernel sends connections to these servers alone."""
    end = time.monotonic() + seconds
    while (found := balanced(machine)) != servers:
        assert time.monotonic() < end, f"{found}\n{machine.console}"
        time.sleep(0.5)


def holds_address(machine: QemuMachine) -> bool:
    """Whether a load balancer has the API's address."""
    return f" {ADDRESS}/32 " in machine.run("ip", "-br", "address")


def gap(attempts: list[tuple[float, str]]) -> float:
    """The longest time without an answer, in seconds."""
    times = [when for when, who in attempts if who]
    times = [attempts[0][0], *times, attempts[-1][0]]
    return max(b - a for a, b in itertools.pairwise(times))


def test_the_kernel_balances_and_drops_who_is_dead(
    render: Render, machine: MakeMachine, saved: Saved, tmp_path: Path
) -> None:
    rendered = render(**SPEC)
    active, standby = (machine(name, networks=[Cable(CABLE)]) for name in (ACTIVE, STANDBY))
    for balancer in (active, standby):
        balancer.resume(saved)
        balancer.run("udevadm", "settle")
    active.run("sh", "-ec", PLUGGED, "sh", BALANCERS[ACTIVE])
    site = Site(standby, rendered, tmp_path)
    for balancer in (active, standby):
        deliver(balancer, rendered)
        balancer.wait_for(f"nodeseed {balancer.node}: preflight: all is well")
        until_balanced(balancer, set(SERVERS), 120)
    assert holds_address(active)
    assert not holds_address(standby)

    attempts = site.attempts(site.watch(6))
    assert gap(attempts) < 2  # an emulated processor that is not given time lets some end late
    shares = Counter(who for _, who in attempts if who)
    assert shares.keys() == set(SERVERS), shares
    assert min(shares.values()) > len(attempts) / 5, shares

    def fail(what: str, seconds: float) -> list[tuple[float, str]]:
        """Let something fail two seconds after a client begins; give the client's attempts."""
        file = site.watch(seconds)
        time.sleep(2)
        failures[what]()
        attempts = site.attempts(file)
        longest = gap(attempts)
        failed = sum(not who for _, who in attempts)
        print(f"{what}: {longest:.1f} s without an answer, {failed} failed")
        assert longest <= GAP, attempts
        return attempts

    failures = {
        "cp-2 killed": lambda: site.kill("cp-2"),
        "cp-3 unplugged": lambda: site.unplug("cp-3"),
        "the active load balancer's power cut": active.cut_power,
    }
    left = set(SERVERS)
    for what in ("cp-2 killed", "cp-3 unplugged"):
        left -= {what.partition(" ")[0]}
        attempts = fail(what, 12)
        assert balanced(active) == left
        assert {who for when, who in attempts if who and when > attempts[-1][0] - 2} == left

    site.serve("cp-2")
    left |= {"cp-2"}
    for balancer in (active, standby):
        until_balanced(balancer, left, 30)

    assert holds_address(active)  # still, or another machine's death would be measured
    attempts = fail("the active load balancer's power cut", 15)
    assert holds_address(standby)
    assert {who for when, who in attempts if who and when > attempts[-1][0] - 2} == left
