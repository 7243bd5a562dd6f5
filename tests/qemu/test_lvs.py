"""keepalived's IPVS, which the kernel of containers lacks: it balances, and drops who is dead.

Two machines balance, with their own units, at one cable: nodes of role load-balancer, or the first
two control planes, which are balanced themselves. The one that stands by has the rest within it, at
a switch: API servers and a client, each a network namespace.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodeseed_lab.qemu.hardware import Cable
from nodeseed_lab.qemu.machine import QemuMachine, Saved
from tests.integration.conftest import Rendered
from tests.qemu.conftest import MakeMachine, Render, connect, deliver

Attempts = list[tuple[float, str]]

GAP = 5.0  # the longest time without an answer, in seconds
CABLES = {"load-balancer": 18050, "control-plane": 18051}
ADDRESS = "10.0.0.100"
SERVERS = {"cp-1": "10.0.0.11", "cp-2": "10.0.0.12", "cp-3": "10.0.0.13"}
BALANCERS = {"lb-1": "10.0.0.31", "lb-2": "10.0.0.32"}
CLIENT = {"client": "10.0.0.200"}
GUEST = "/root/guest.py"
PKI = "etc/kubernetes/pki"
# What a control plane runs here; Kubernetes' own units have no programs in this image.
UNITS = {"nodeseed-install.service", "nodeseed-network.service", "keepalived.service"}
ABSENT = """
for unit; do
  mkdir -p /etc/systemd/system/$unit.d
  printf '[Unit]\\nConditionPathExists=/absent\\n' >/etc/systemd/system/$unit.d/absent.conf
done
"""

# A switch at the cable, and what is at it: each one's name, address, and namespace, 1 for the
# machine itself. The switch is a namespace of its own, so that the machine's rules for packets have
# no say in what others send one another; nothing is learned at the cable of who is where, as one
# hears there what one said oneself.
SITE = """
cd /sys/class/net
card=$(echo e*)
ip netns add switch
ip link set $card netns switch
ip -n switch link add br0 up type bridge
ip -n switch link set $card up master br0
ip -n switch link set $card type bridge_slave learning off
while [ $# -gt 0 ]; do
  [ $3 = 1 ] || ip netns add $3
  ip -n switch link add $1 type veth peer name eth0 netns $3
  ip -n switch link set $1 up master br0
  within=
  [ $3 = 1 ] || within="-n $3"
  ip $within address add $2/24 dev eth0
  ip $within link set eth0 up
  ip $within link set lo up
  shift 3
done
"""


class Site:
    """Two machines that balance, the API servers and a client.

    Args:
        rendered: the cluster.
        active: the machine that takes the address.
        standby: the one that has the rest within it.
        folder: an empty one.
    """

    def __init__(
        self, rendered: Rendered, active: QemuMachine, standby: QemuMachine, folder: Path
    ) -> None:
        self._machines = {machine.node: machine for machine in (active, standby)}
        self._standby = standby
        self._clients = 0
        addresses = {**BALANCERS, **SERVERS, **CLIENT}
        spaces = [name for name in (*SERVERS, *CLIENT) if name not in self._machines]
        rows = [(standby.node, "1"), *((name, name) for name in spaces)]
        words = [word for name, space in rows for word in (name, addresses[name], space)]
        standby.run("sh", "-ec", SITE, "sh", *words)
        connect(active, addresses[active.node])
        for machine in self._machines.values():
            machine.put(GUEST, Path(__file__).with_name("guest.py").read_bytes())
        for name in SERVERS:
            pki = rendered.install(name, folder / name) / PKI
            self._machine(name).put_tree(pki, f"/root/{name}")
            self.serve(name)

    def _machine(self, name: str) -> QemuMachine:
        return self._machines.get(name, self._standby)

    def _within(self, name: str, unit: str, *command: str) -> None:
        """Run a command where somebody is, as a unit; what it prints goes into a file."""
        space = () if name in self._machines else ("ip", "netns", "exec", name)
        self._machine(name).run(
            *("systemd-run", "--quiet", "--collect", f"--unit={unit}"),
            *("-p", f"StandardOutput=file:/root/{unit}", *space, *command),
        )

    def serve(self, name: str) -> None:
        """Let a server run."""
        self._within(name, f"api-{name}", "python3", GUEST, "serve", name, f"/root/{name}", "6443")

    def kill(self, name: str) -> None:
        """Kill a server; its machine still refuses connections."""
        self._machine(name).run("systemctl", "kill", "-s", "KILL", f"api-{name}")

    def unplug(self, name: str) -> None:
        """Pull the network cable of a server in a namespace: nothing answers."""
        self._standby.run("ip", "-n", "switch", "link", "set", name, "down")

    def watch(self, seconds: float, name: str = "client") -> Callable[[], Attempts]:
        """Let somebody connect ten times a second.

        Gives what waits for the last attempt, and tells when each ended, and who answered.
        """
        self._clients += 1
        unit = f"client-{self._clients}"
        arguments = ("connect", ADDRESS, "6443", str(seconds))
        self._within(name, unit, "python3", GUEST, *arguments)

        def attempts() -> Attempts:
            deadline = time.monotonic() + seconds + 60
            while not (text := self._machine(name).exec("cat", f"/root/{unit}")[1]).startswith("["):
                assert time.monotonic() < deadline, f"the client does not end: {text}"
                time.sleep(0.5)
            return [(when, who) for when, who in json.loads(text)]

        return attempts

    def fail(self, what: str, failure: Callable[[], None], seconds: float) -> set[str]:
        """Let something fail two seconds after a client begins; tell who answered it in the end."""
        end = self.watch(seconds)
        time.sleep(2)
        failure()
        attempts = end()
        longest = gap(attempts)
        failed = sum(not who for _, who in attempts)
        print(f"{what}: {longest:.1f} s without an answer, {failed} of {len(attempts)} failed")
        assert longest <= GAP, attempts
        return {who for when, who in attempts if who and when > attempts[-1][0] - 2}


def spec(balancers: dict[str, str]) -> dict[str, Any]:
    """A cluster of three control planes, with load balancers of its own or without."""
    roles = {"control-plane": SERVERS, "load-balancer": balancers}
    return {
        "time": {"source": "host"},
        "endpoint": {"host": ADDRESS, "provider": "lvs-keepalived"},
        "nodes": [
            {"name": name, "role": role, "address": address}
            for role, machines in roles.items()
            for name, address in machines.items()
        ],
    }


def balanced(machine: QemuMachine) -> set[str]:
    """The servers to which a machine's kernel sends connections."""
    table = machine.run("ipvsadm", "-Ln")
    found = re.findall(r"-> (\S+):6443 +Masq +([0-9]+)", table)
    by_address = {address: name for name, address in SERVERS.items()}
    return {by_address[address] for address, weight in found if weight != "0"}


def connections(machine: QemuMachine) -> int:
    """How many connections a machine's kernel has balanced."""
    table = machine.run("ipvsadm", "-Ln", "--stats", "--exact")
    (count,) = re.findall(rf"TCP +{ADDRESS}:6443 +([0-9]+)", table)
    return int(count)


def until_balanced(machine: QemuMachine, servers: set[str], seconds: float) -> None:
    """Wait until a machine's kernel sends connections to these servers alone."""
    end = time.monotonic() + seconds
    while (found := balanced(machine)) != servers:
        assert time.monotonic() < end, f"{found}\n{machine.console}"
        time.sleep(0.5)


def holds_address(machine: QemuMachine) -> bool:
    """Whether a machine has the API's address."""
    return f" {ADDRESS}/32 " in machine.run("ip", "-br", "address")


def gap(attempts: Attempts) -> float:
    """The longest time without an answer, in seconds."""
    times = [when for when, who in attempts if who]
    times = [attempts[0][0], *times, attempts[-1][0]]
    return max(b - a for a, b in itertools.pairwise(times))


def all_answer(attempts: Attempts) -> Counter[str]:
    """That every server answered its share; give who answered how often."""
    assert gap(attempts) < 2  # an emulated processor that is not given time lets some end late
    shares = Counter(who for _, who in attempts if who)
    assert shares.keys() == set(SERVERS), shares
    assert min(shares.values()) > len(attempts) / 5, shares
    return shares


def test_load_balancers_drop_who_is_dead_and_take_over(
    render: Render, machine: MakeMachine, saved: Saved, tmp_path: Path
) -> None:
    rendered = render(**spec(BALANCERS))
    # The second is the first to come up, and so takes the address.
    cable = Cable(CABLES["load-balancer"])
    active, standby = (machine(name, networks=[cable]) for name in ("lb-2", "lb-1"))
    for balancer in (active, standby):
        balancer.resume(saved)
    site = Site(rendered, active, standby, tmp_path)
    for balancer in (active, standby):
        deliver(balancer, rendered)
        balancer.wait_for(f"nodeseed {balancer.node}: preflight: all is well")
        until_balanced(balancer, set(SERVERS), 120)
    assert holds_address(active)
    assert not holds_address(standby)
    all_answer(site.watch(6)())

    assert site.fail("cp-2 killed", lambda: site.kill("cp-2"), 10) == {"cp-1", "cp-3"}
    assert balanced(active) == {"cp-1", "cp-3"}
    assert site.fail("cp-3 unplugged", lambda: site.unplug("cp-3"), 10) == {"cp-1"}
    assert balanced(active) == {"cp-1"}

    site.serve("cp-2")
    left = {"cp-1", "cp-2"}
    for balancer in (active, standby):
        until_balanced(balancer, left, 30)
    assert holds_address(active)  # still, or another machine's death would be measured
    assert site.fail("the active load balancer's power cut", active.cut_power, 12) == left
    assert holds_address(standby)


def test_control_planes_balance_themselves(
    render: Render, machine: MakeMachine, saved: Saved, tmp_path: Path
) -> None:
    """Each of both is a load balancer and an API server that is balanced."""
    rendered = render(**spec({}))
    cable = Cable(CABLES["control-plane"])
    active, standby = (machine(name, networks=[cable]) for name in ("cp-1", "cp-2"))
    for balancer in (active, standby):
        balancer.resume(saved)
    site = Site(rendered, active, standby, tmp_path)
    for balancer in (active, standby):
        files = [Path(file.path) for file in rendered.files(balancer.node)]
        units = {path.name for path in files if path.suffix == ".service"}
        assert units > UNITS
        balancer.run("sh", "-ec", ABSENT, "sh", *(units - UNITS))
        deliver(balancer, rendered)
        balancer.wait_for(f"nodeseed {balancer.node}: lvs: the kernel has all modules")
        until_balanced(balancer, set(SERVERS), 120)
    assert holds_address(active)
    assert not holds_address(standby)

    attempts = site.watch(6)()
    shares = all_answer(attempts)
    # What the one sent to the other, with the same table, was answered there, and not sent on.
    time.sleep(4)  # the kernel adds up what it counts every two seconds
    assert shares["cp-2"] > 0
    assert connections(standby) == 0
    assert shares.total() <= connections(active) <= len(attempts)

    for balancer in (active, standby):  # which may ask for the address themselves
        all_answer(site.watch(2, balancer.node)())

    assert site.fail("cp-1 killed", lambda: site.kill("cp-1"), 10) == {"cp-2", "cp-3"}
    assert balanced(active) == {"cp-2", "cp-3"}

    site.serve("cp-1")
    for balancer in (active, standby):
        until_balanced(balancer, set(SERVERS), 30)
    assert holds_address(active)  # still, or another machine's death would be measured
    left = {"cp-2", "cp-3"}
    assert site.fail("the active control plane's power cut", active.cut_power, 12) == left
    assert holds_address(standby)
