"""The membership decision with real etcd members on loopback addresses, through losses and cuts.

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
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nodeseed_node.etcd import ENVIRONMENT, etcd
from nodeseed_node.machine import STATUS, Machine
from nodeseed_node.member import (
    KEY,
    client,
    cluster_id,
    disk_member,
    gateway,
    member_id,
    member_list,
)
from nodeseed_node.membership import Member
from nodeseed_node.promote import promote
from tests.integration.programs import program

TOKEN = "token-of-the-test"
SECONDS = 25


class Authority:
    """A CA for etcd, and what it issues."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etcd-ca")])
        self.certificate = self._sign(self.name, self.key.public_key(), None)

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, address: str | None
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(address is None, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        if address is None:
            usage = dict.fromkeys(
                (
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            )
            builder = builder.add_extension(
                x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage),
                critical=True,
            )
        else:
            usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if address:
            # etcd compares a client's address with its certificate; from loopback it is 127.0.0.1
            both = [x509.IPAddress(ip_address(a)) for a in (address, "127.0.0.1")]
            san = x509.SubjectAlternativeName(both)
            builder = builder.add_extension(san, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def place(self, folder: Path, address: str) -> None:
        """Put all that a member needs into its PKI folder."""
        folder.mkdir(parents=True)
        pem = serialization.Encoding.PEM
        (folder / "ca.crt").write_bytes(self.certificate.public_bytes(pem))
        for name in ("server", "peer", "healthcheck-client"):
            key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
            san = "" if name == "healthcheck-client" else address
            certificate = self._sign(subject, key.public_key(), san)
            (folder / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
            (folder / f"{name}.key").write_bytes(
                key.private_bytes(
                    pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )


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
        self.thread: threading.Thread | None = None
        self.lines: list[str] = []

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
        self.on = False
        if self.process:
            self.process.kill()
            self.process.wait()
        if self.thread:
            self.thread.join(20)

    def wipe(self) -> None:
        shutil.rmtree(self.path("var/lib/etcd"), ignore_errors=True)

    def _systemd(self) -> None:
        try:
            while self.on:
                etcd(self)
                self.process = self._etcd()
                self.process.wait()
                self.sleep(1)
        except Stopped:
            pass

    def _etcd(self) -> subprocess.Popen[bytes]:
        config = self.config["etcd"]
        pki = str(self.path("etc/kubernetes/pki/etcd"))
        listen = client(self.url)
        settings = {
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
        environment = {f"ETCD_{k.upper().replace('-', '_')}": v for k, v in settings.items()}
        for line in self.text(ENVIRONMENT).splitlines():
            name, _, value = line.partition("=")
            environment[name] = value
        with self.path("etcd.log").open("ab") as log:
            return subprocess.Popen(
                [self.binary], env={**os.environ, **environment}, stdout=log, stderr=log
            )


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

    def list(self, node: Node) -> tuple[Member, ...]:
        return member_list(node, client(node.url))[1]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    built = Lab(tmp_path, program("etcd-3.7"))
    yield built
    for node in built.nodes.values():
        node.stop()


def eventually(check: Any, seconds: float = SECONDS) -> None:
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
    return {m.name for m in lab.list(node) if m.started and not m.learner}


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


def test_members_form_a_cluster_in_any_order_however_late(lab: Lab) -> None:
    one, two, three = lab.three()
    three.start()
    eventually(lambda: three.waits == "1 of 3 members up, waiting for 1 more")
    one.start()
    eventually(lambda: voters(lab, one) == {"m1", "m3"})
    two.start()
    eventually(lambda: voters(lab, two) == {"m1", "m2", "m3"})
    assert "joining" in two.lines
    cluster, rows = member_list(one, client(one.url))
    urls = one.config["etcd"]["members"].values()
    assert cluster == cluster_id(member_id(url, TOKEN) for url in urls)
    assert {row.id for row in rows} == {member_id(url, TOKEN) for url in urls}


@pytest.mark.parametrize("release", ["etcd-3.5", "etcd-3.6", "etcd-3.7"])
def test_the_log_on_the_disk_tells_who_it_belongs_to(tmp_path: Path, release: str) -> None:
    lab = Lab(tmp_path, program(release))
    node = lab.add("m1", ("m1",))
    assert disk_member(node) is None
    try:
        node.start()
        eventually(lambda: voters(lab, node) == {"m1"})
        assert disk_member(node) == lab.list(node)[0].id
        assert promote(node) == 0
        value = gateway(node, client(node.url), "kv/range", {"key": KEY})["kvs"][0]["value"]
        assert json.loads(base64.b64decode(value)) == {
            "revision": 1,
            "members": {"m1": "https://127.0.1.1:2380"},
        }
    finally:
        node.stop()


def test_nothing_forms_without_clock_or_window(lab: Lab) -> None:
    one, two, three = lab.three()
    closed = lab.add("m2", ("m1", "m2", "m3"), until="2021-01-01T00:00:00Z")
    one.trusted = False
    one.start()
    closed.start()
    eventually(lambda: one.waits == "the clock is not synchronised")
    eventually(lambda: closed.waits.startswith("the bootstrap window is closed"))
    three.start()
    eventually(lambda: three.waits.startswith("forming"))
    del two


def test_a_wiped_member_replaces_itself(lab: Lab) -> None:
    one, two, three = formed(lab)
    old = next(m.id for m in lab.list(one) if m.name == "m3")
    three.stop()
    three.wipe()
    three.start()
    eventually(lambda: "replacing the old m3" in three.lines)
    assert promote(three) == 0
    eventually(lambda: voters(lab, three) == {"m1", "m2", "m3"})
    assert old not in {m.id for m in lab.list(one)}
    assert has(three, "before")
    assert has(two, "before")


def test_a_wiped_member_in_a_partition_waits_and_nothing_is_lost(lab: Lab) -> None:
    """m1 misses 20 keys, m3 loses its disk while m2 is down: m1 and m3 must not go on alone."""
    one, two, three = formed(lab)
    one.stop()
    eventually(lambda: voters(lab, two) == {"m1", "m2", "m3"})
    for i in range(20):
        put(two, f"key-{i}")
    two.stop()
    three.stop()
    three.wipe()
    three.start()
    eventually(lambda: three.waits == "1 of 3 members up, waiting for 1 more")
    one.start()
    eventually(lambda: three.waits == "m1 belongs to a formed cluster; waiting for its quorum")
    two.start()
    eventually(lambda: "replacing the old m3" in three.lines)
    assert promote(three) == 0
    assert all(has(three, f"key-{i}") for i in range(20))


def test_a_removed_member_stays_out_until_it_is_wiped(lab: Lab) -> None:
    one, _, three = formed(lab)
    old = next(m.id for m in lab.list(one) if m.name == "m3")
    eventually(lambda: removed(one, old))
    said = "removed from the cluster; wipe the data disk to rejoin"
    eventually(lambda: three.waits == said)
    three.stop()
    three.start()
    eventually(lambda: three.lines[-1] == said)
    three.stop()
    three.wipe()
    three.start()
    assert promote(three) == 0
    eventually(lambda: voters(lab, one) == {"m1", "m2", "m3"})


def removed(node: Node, member: int) -> bool:
    """Remove a member; etcd refuses until its members have been connected for a while."""
    gateway(node, client(node.url), "cluster/member/remove", {"ID": str(member)})
    return True


def test_growth_and_then_older_user_data_changes_nothing(lab: Lab) -> None:
    one, _, three = formed(lab)
    four = lab.add("m4", ("m1", "m2", "m3", "m4"), 2, until=None, token="another")
    four.start()
    assert promote(four) == 0
    assert voters(lab, four) == {"m1", "m2", "m3", "m4"}
    assert has(four, "before")
    assert one.config["etcd"]["membershipRevision"] == 1
    three.stop()
    three.wipe()
    three.start()
    newer = "members have revision 2, not 1: boot with newer user-data"
    eventually(lambda: three.waits == newer)


def test_all_lose_power_and_come_back_whatever_the_window(lab: Lab) -> None:
    nodes = formed(lab)
    for node in nodes:
        node.stop()
        node.write(
            "etc/nodeseed/config.json",
            json.dumps({**node.config, "etcd": {**node.config["etcd"], "until": None}}),
        )
        node.trusted = False
    nodes[2].start()
    eventually(lambda: nodes[2].lines[-1] == "starting with the data on its disk")
    nodes[0].start()
    eventually(lambda: has(nodes[0], "before"))
