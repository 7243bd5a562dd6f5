"""Real etcd members on loopback addresses, which run the membership decision before each start.

Each member is a folder, an address and a thread that does what systemd does: run the decision,
read what it wrote, start etcd, and again whenever etcd ends.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodeseed_node.etcd import ENVIRONMENT, etcd
from nodeseed_node.machine import STATUS, Machine
from nodeseed_node.member import client, gateway, member_list
from tests.program.etcd_authority import Authority

TOKEN = "token-of-the-test"
SECONDS = 60


class Stopped(BaseException):
    """The machine is switched off while a step waits."""


class Node(Machine):
    """A member: its machine, the thread that stands for systemd, and its etcd."""

    def __init__(self, root: Path, name: str, binary: Path) -> None:
        super().__init__(str(root), "etcd")
        self.name = name
        self.binary = binary
        self.trusted = True
        self.on = False
        self.process: subprocess.Popen[bytes] | None = None
        self.power = threading.Lock()  # nothing starts while the plug is pulled, or after
        self.thread: threading.Thread | None = None
        self.lines: list[str] = []
        self.commands: list[tuple[str, ...]] = []

    @property
    def url(self) -> str:
        return str(self.config["etcd"]["members"][self.name])

    @property
    def waits(self) -> str:
        return str(self.load(STATUS).get("etcd", ""))

    def clock_trusted(self) -> bool:
        return self.trusted

    def sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.on:
                raise Stopped
            time.sleep(0.02)

    def say(self, text: str) -> None:
        if not self.lines or self.lines[-1] != text:
            self.lines.append(text)
        super().say(text)

    def start(self) -> None:
        self.on = True
        self.thread = threading.Thread(target=self._systemd, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Pull the plug."""
        with self.power:
            self.on = False
            running = self.process
        if running:
            running.kill()
            running.wait()
        if self.thread:
            self.thread.join(20)

    def wipe(self) -> None:
        shutil.rmtree(self.path("var/lib/etcd"), ignore_errors=True)

    def _systemd(self) -> None:
        try:
            while self.on:
                try:
                    etcd(self)
                    self._etcd().wait()
                except OSError as error:
                    self.say(f"failed, will be tried again: {error!r}")
                self.sleep(1)
        except Stopped:
            pass

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        self.commands.append(command)
        return 0, stdin

    def settings(self) -> dict[str, str]:
        """What the user-data tells etcd."""
        config = self.config["etcd"]
        pki = str(self.path("etc/kubernetes/pki/etcd"))
        listen = client(self.url)
        return {
            "name": self.name,
            "data-dir": str(self.path("var/lib/etcd")),
            "initial-advertise-peer-urls": self.url,
            "listen-peer-urls": self.url,
            "advertise-client-urls": listen,
            "listen-client-urls": listen,
            "initial-cluster": ",".join(f"{n}={u}" for n, u in config["members"].items()),
            "initial-cluster-token": config["token"],
            "initial-cluster-state": "existing",
            "client-cert-auth": "true",
            "cert-file": f"{pki}/server.crt",
            "key-file": f"{pki}/server.key",
            "trusted-ca-file": f"{pki}/ca.crt",
            "peer-client-cert-auth": "true",
            "peer-cert-file": f"{pki}/peer.crt",
            "peer-key-file": f"{pki}/peer.key",
            "peer-trusted-ca-file": f"{pki}/ca.crt",
            "log-level": "error",
        }

    def _etcd(self) -> subprocess.Popen[bytes]:
        settings = self.settings().items()
        environment = {f"ETCD_{k.upper().replace('-', '_')}": v for k, v in settings}
        for line in self.text(ENVIRONMENT).splitlines():
            name, _, value = line.partition("=")
            environment[name] = value
        return self.spawn([], environment)

    def spawn(self, arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start etcd itself, unless the machine is off."""
        command = [self.binary, *arguments]
        with self.power, self.path("etcd.log").open("ab") as log:
            if not self.on:
                raise Stopped
            self.process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=log, stderr=log
            )
            return self.process


class Lab:
    """Members that know each other."""

    def __init__(self, root: Path, binary: Path) -> None:
        self.root = root
        self.binary = binary
        self.authority = Authority()
        self.nodes: dict[str, Node] = {}

    def add(self, name: str, members: tuple[str, ...], revision: int = 1, **etcd: Any) -> Node:
        """Prepare a machine whose user-data lists these members."""
        urls = {m: f"https://127.0.1.{m[1:]}:2380" for m in members}
        node = Node(self.root / name, name, self.binary)
        config = {
            "node": name,
            "timeSource": "host",
            "issued": "2020-01-01T00:00:00Z",
            "etcd": {
                "token": TOKEN,
                "members": urls,
                "membershipRevision": revision,
                "until": "2999-01-01T00:00:00Z",
                **etcd,
            },
        }
        node.write("etc/nodeseed/config.json", json.dumps(config))
        pki = node.path("etc/kubernetes/pki/etcd")
        if not pki.exists():
            self.authority.place(pki, f"127.0.1.{name[1:]}")
        self.nodes[name] = node
        return node

    def three(self) -> tuple[Node, Node, Node]:
        names = ("m1", "m2", "m3")
        one, two, three = (self.add(name, names) for name in names)
        return one, two, three

    def list(self, node: Node) -> list[dict[str, Any]]:
        """The members, as this one tells them."""
        return list(member_list(node, client(node.url)))


def eventually(check: Callable[[], Any], seconds: float = SECONDS) -> None:
    """Wait until a check holds; an error counts as no."""
    end = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
        except OSError:
            pass
        assert time.monotonic() < end, "never became true"
        time.sleep(0.2)


def voters(lab: Lab, node: Node) -> set[str]:
    return {m["name"] for m in lab.list(node) if "clientURLs" in m and "isLearner" not in m}


def put(node: Node, key: str) -> None:
    coded = base64.b64encode(key.encode()).decode()
    gateway(node, client(node.url), "kv/put", {"key": coded, "value": coded})


def has(node: Node, key: str) -> bool:
    coded = base64.b64encode(key.encode()).decode()
    return bool(gateway(node, client(node.url), "kv/range", {"key": coded}).get("kvs"))


def formed(lab: Lab) -> tuple[Node, Node, Node]:
    """Three members, formed, with a key."""
    nodes = lab.three()
    for node in nodes:
        node.start()
    eventually(lambda: voters(lab, nodes[0]) == {"m1", "m2", "m3"})
    put(nodes[0], "before")
    return nodes


def number(lab: Lab, node: Node, name: str) -> str:
    """The ID of a member."""
    return next(str(m["ID"]) for m in lab.list(node) if m["name"] == name)


def remove(node: Node, member: str) -> bool:
    """Remove a member; etcd refuses until its members have been connected for a while."""
    gateway(node, client(node.url), "cluster/member/remove", {"ID": member})
    return True
