"""haproxy and keepalived, from nothing but rendered files, in network namespaces as machines."""

import contextlib
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, SO_REUSEPORT, SOL_SOCKET
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]

MISSING = "haproxy or keepalived is missing: run tests/integration/install.sh, or install both."
GAP = 5.0  # the longest time without an answer, in seconds
ROOT = () if os.geteuid() == 0 else ("sudo", "-n")

V6: dict[str, Any] = {
    "networking": {
        "podSubnet": "fd01::/48",
        "serviceSubnet": "fd02::/112",
        "nodeSubnet": "fd00::/64",
        "cni": "none",
    },
    "nodes": [
        {"name": f"cp-{n}", "role": "control-plane", "address": f"fd00::1{n}"} for n in (1, 2, 3)
    ],
}
ENDPOINTS: dict[str, dict[str, Any]] = {
    "another-port": {"endpoint": {"host": "10.0.0.100", "provider": "haproxy-keepalived"}},
    "equal-ports": {
        "endpoint": {
            "host": "api.it.example.com",
            "address": "10.0.0.100",
            "port": 6443,
            "provider": "haproxy-keepalived",
        }
    },
    "ipv6": {**V6, "endpoint": {"host": "fd00::100", "provider": "haproxy-keepalived"}},
    "ipv6-equal-ports": {
        **V6,
        "endpoint": {"host": "fd00::100", "port": 6443, "provider": "haproxy-keepalived"},
    },
}

# The node's own /etc over the image's, at the true paths, and a /run of its own.
NODE = """
mount -t overlay -o lowerdir=$ROOT/etc:/etc overlay /etc
mount -t tmpfs tmpfs /run
mkdir /run/nodeseed
{before}
haproxy -db -f /etc/haproxy/haproxy.cfg &
exec keepalived -nl
"""


def api_server(root: str, port: str) -> None:
    """What stands for an API server: ready, and listening as one with permit-port-sharing does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    class Server(ThreadingHTTPServer):
        address_family = AF_INET6

        def server_bind(self) -> None:
            self.socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
            self.socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
            super().server_bind()

    server = Server(("::", int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = f"{root}/etc/kubernetes/pki/apiserver"
    context.load_cert_chain(f"{pair}.crt", f"{pair}.key")
    # each handshake in its thread: one that nobody goes on with keeps no other client waiting
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()


def run(*command: str, check: bool = True) -> str:
    done = subprocess.run((*ROOT, *command), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@dataclass
class Machines:
    """Network namespaces on one bridge: the control planes, and one for a client."""

    rendered: "Rendered"
    folder: Path
    prefix: str = f"nodeseed-{os.getpid()}"
    running: dict[tuple[str, str], subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def control_planes(self) -> list[str]:
        return [machine.name for machine in self.rendered.design.control_planes]

    def namespace(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def within(self, name: str, *command: str, check: bool = True) -> str:
        return run("ip", "netns", "exec", self.namespace(name), *command, check=check)

    def build(self) -> None:
        run("ip", "netns", "add", self.namespace("switch"))
        self.within("switch", "ip", "link", "add", "br0", "up", "type", "bridge")
        addresses = {m.name: m.address for m in self.rendered.design.control_planes}
        (network,) = self.rendered.design.cluster.networking.nodeSubnet or ()
        addresses["client"] = str(network[200])
        for name, address in addresses.items():
            space = self.namespace(name)
            run("ip", "netns", "add", space)
            run(
                *("ip", "link", "add", name, "netns", self.namespace("switch"), "type", "veth"),
                *("peer", "name", "eth0", "netns", space),
            )
            self.within("switch", "ip", "link", "set", name, "up", "master", "br0")
            self.within(name, "ip", "link", "set", "lo", "up")
            nodad = ("nodad",) if ":" in address else ()
            cidr = f"{address}/{network.prefixlen}"
            self.within(name, "ip", "address", "add", cidr, "dev", "eth0", *nodad)
            self.within(name, "ip", "link", "set", "eth0", "up")

    def start(self, name: str, what: str, *command: str) -> None:
        with (self.folder / f"{name}-{what}.log").open("wb") as log:
            self.running[name, what] = subprocess.Popen(
                (*ROOT, "ip", "netns", "exec", self.namespace(name), *command),
                start_new_session=True,
                stdout=log,
                stderr=log,
            )

    def start_api_server(self, name: str) -> None:
        port = str(self.rendered.design.cluster.apiServer.port)
        self.start(name, "api", sys.executable, __file__, str(self.folder / name), port)

    def start_endpoint(self, name: str) -> None:
        """What systemd would do with the node's two units."""
        root = self.folder / name
        unit = (root / "etc/systemd/system/keepalived.service").read_text()
        found = re.search(r'^ExecStartPre=/bin/sh -c "(.*)"$', unit, re.M)
        assert found
        script = NODE.format(before=found[1].replace("$$", "$"))
        self.start(
            *(name, "endpoint", "env", f"ROOT={root}"),
            *("unshare", "--mount", "/bin/sh", "-ec", script),
        )

    def stop(self, name: str, what: str) -> None:
        process = self.running.pop((name, what))
        run("kill", f"-{int(signal.SIGKILL)}", "--", f"-{process.pid}", check=False)
        process.wait()

    def answers(self) -> bool:
        design = self.rendered.design
        url = f"{design.endpoint_url}/readyz"
        if design.cluster.endpoint.host != str(design.virtual_address):
            url = url.replace(design.cluster.endpoint.host, str(design.virtual_address))
        ca = self.folder / "cp-1/etc/kubernetes/pki/ca.crt"
        curl = ("curl", "-sgfm1", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(ca), url)
        return self.within("client", *curl, check=False) == "200"

    def holders(self) -> list[str]:
        address = f"{self.rendered.design.virtual_address}/"
        return [
            name
            for name in self.control_planes
            if f" {address}" in self.within(name, "ip", "-br", "address")
        ]

    def until(self, condition: Callable[[], bool], seconds: float) -> float:
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < seconds, self.logs()
            time.sleep(0.05)
        return time.monotonic() - begin

    def gap(self, seconds: float) -> float:
        """The longest time without an answer that a client sees in the next ``seconds``."""
        begin = last = time.monotonic()
        longest = 0.0
        while time.monotonic() - begin < seconds:
            if self.answers():
                longest = max(longest, time.monotonic() - last)
                last = time.monotonic()
            time.sleep(0.05)
        return max(longest, time.monotonic() - last)

    def logs(self) -> str:
        return "\n".join(
            f"{path.name}: {path.read_text()[-2000:]}" for path in self.folder.glob("*.log")
        )

    def remove(self) -> None:
        for name, what in list(self.running):
            self.stop(name, what)
        for name in ("client", *self.control_planes, "switch"):
            run("ip", "netns", "delete", self.namespace(name), check=False)


@contextlib.contextmanager
def machines(rendered: "Rendered", folder: Path) -> Iterator[Machines]:
    there = Machines(rendered, folder)
    try:
        there.build()
        for name in there.control_planes:
            rendered.install(name, folder / name)
            there.start_endpoint(name)
        yield there
    finally:
        there.remove()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_address_is_where_an_api_server_is_ready(
    render: Render, tmp_path: Path, endpoint: str
) -> None:
    assert shutil.which("haproxy"), MISSING
    assert shutil.which("keepalived"), MISSING
    with machines(render(**ENDPOINTS[endpoint]), tmp_path) as there:
        time.sleep(2)
        assert there.holders() == []  # haproxy waits; nobody claims what nobody can serve
        for name in there.control_planes:
            there.start_api_server(name)
        there.until(there.answers, 15)
        there.until(lambda: len(there.holders()) == 1, 5)

        (first,) = there.holders()
        there.stop(first, "api")
        assert there.gap(6) < GAP, there.logs()
        (second,) = there.holders()
        assert second != first

        there.start_api_server(first)
        time.sleep(4)
        assert there.holders() == [second], there.logs()  # no move without need

        logs = [tmp_path / f"{n}-endpoint.log" for n in there.control_planes if n != second]
        said = [len(log.read_text()) for log in logs]
        there.within("switch", "ip", "link", "set", second, "down")
        assert there.gap(8) < GAP, there.logs()
        (third,) = [name for name in there.holders() if name != second]
        assert third != second
        for log, before in zip(logs, said, strict=True):  # who can serve says so throughout
            assert "FAULT" not in log.read_text()[before:], there.logs()

        there.within("switch", "ip", "link", "set", second, "up")
        there.until(lambda: len(there.holders()) == 1, 10)
        there.until(there.answers, 5)

        (holder,) = there.holders()
        there.stop(holder, "endpoint")  # power cut: the address stays on a machine that is gone
        there.within("switch", "ip", "link", "set", holder, "down")
        assert there.gap(8) < GAP, there.logs()


if __name__ == "__main__":
    api_server(*sys.argv[1:])
