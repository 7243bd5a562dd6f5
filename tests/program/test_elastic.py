"""A machine of an elastic pool: who it is, and what it says while it is no node yet."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from nodeseed_node.bootstrap import CURRENT, bootstrap
from nodeseed_node.elastic import CONFLIST, elastic
from nodeseed_node.https import tls
from tests.program.machines import FakeMachine
from tests.program.test_before_kubelet import certificate

POOL = {
    "pool": "burst",
    "poolSubnets": ["10.0.0.0/24"],
    "families": [4],
    "tokenEnd": "2026-12-24T00:00:00Z",
    "providerID": "",
    "zoned": False,
}
ADDRESSES = """\
1: lo    inet 127.0.0.1/8 scope host lo
2: eth0    inet 10.0.0.31/24 brd 10.0.0.255 scope global eth0
2: eth0    inet6 fd00::31/64 scope global
2: eth0    inet6 fe80::1/64 scope link
"""


def machine(
    tmp_path: Path, host: str, instance: dict[str, Any] | None, **changes: Any
) -> FakeMachine:
    m = FakeMachine(tmp_path, "elastic", lambda command, _: (0, ADDRESSES))
    m.configure(**{"node": "burst", "addresses": [], **POOL, **changes})
    config = m.config
    if "podRoutes" not in changes:
        del config["podRoutes"]
    m.write("etc/nodeseed/config.json", json.dumps(config))
    m.write("proc/sys/kernel/hostname", host + "\n")
    m.write("var/lib/kubelet/kubeadm-flags.env", 'KUBELET_KUBEADM_ARGS="--v=2"\n')
    if instance is not None:
        m.write("run/cloud-init/instance-data.json", json.dumps({"v1": instance}))
    return m


def test_a_machine_named_after_its_pool_keeps_its_name(tmp_path: Path) -> None:
    m = machine(tmp_path, "burst-7", {"instance_id": "abc", "availability_zone": None})
    for _ in range(2):
        assert elastic(m) == 0
        assert (m.config["node"], m.config["addresses"]) == ("burst-7", ["10.0.0.31"])
        assert m.text("run/nodeseed/elastic.env") == (
            'KUBELET_KUBEADM_ARGS="--v=2 --hostname-override=burst-7 --node-ip=10.0.0.31"\n'
        )
    assert m.console == ["nodeseed burst-7: elastic: a machine of pool burst"]


def test_on_aws_it_is_named_by_its_instance(tmp_path: Path) -> None:
    m = machine(
        tmp_path,
        "ip-10-0-0-31",
        {"instance_id": "i-0123456789abcdef0", "availability_zone": "eu-central-1a"},
        providerID="aws:///ZONE/INSTANCE-ID",
        zoned=True,
        families=[4, 6],
        poolSubnets=["10.0.0.0/24", "fd00::/64"],
    )
    for _ in range(2):  # the second time under its new host name
        assert elastic(m) == 0
        name = "burst-i-0123456789abcdef0"
        assert m.text("proc/sys/kernel/hostname").strip() == name
        assert m.text("run/nodeseed/elastic.env") == (
            f'KUBELET_KUBEADM_ARGS="--v=2 --hostname-override={name} --node-ip=10.0.0.31,fd00::31 '
            "--provider-id=aws:///eu-central-1a/i-0123456789abcdef0 "
            '--node-labels=topology.kubernetes.io/zone=eu-central-1a"\n'
        )


def test_its_pods_have_the_subnet_that_belongs_to_its_address(tmp_path: Path) -> None:
    m = machine(tmp_path, "burst-7", {}, podRoutes={"10.0.0.0/24": "10.244.0.0/16"})
    m.write(CONFLIST, json.dumps({"plugins": [{"ipam": {"ranges": []}}, {"type": "portmap"}]}))
    elastic(m)
    assert m.load(CONFLIST)["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.244.31.0/24"}]]


@pytest.mark.parametrize(
    ("host", "instance", "changes", "expected"),
    [
        ("web", None, {}, "host name does not begin with burst-, and cloud-init knows no instance"),
        ("burst-7", {}, {"poolSubnets": ["10.9.0.0/24"]}, "no interface has an IPv4 address in"),
        ("burst-7", {}, {"families": [4, 6]}, "no interface has an IPv6 address in 10.0.0.0/24"),
    ],
)
def test_what_it_lacks_is_said_and_waited_for(
    tmp_path: Path, host: str, instance: Any, changes: dict[str, Any], expected: str
) -> None:
    m = machine(tmp_path, host, instance, **changes)

    def come() -> None:
        assert expected in m.said
        machine(tmp_path, "burst-7", {})

    m.while_asleep.append(come)
    assert elastic(m) == 0
    assert m.config["node"] == "burst-7"


class Api(BaseHTTPRequestHandler):
    status = 200
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["Authorization"])
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def joining(tmp_path: Path) -> Iterator[FakeMachine]:
    m = FakeMachine(tmp_path, "bootstrap")
    certificate(m, "ca")
    server = HTTPServer(("127.0.0.1", 0), Api)
    context = tls(m, "", "ca", ssl.Purpose.CLIENT_AUTH)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    m.configure(**POOL, node="burst-7", server=f"https://127.0.0.1:{server.server_port}")
    m.write("etc/kubernetes/bootstrap-kubelet.conf", "user:\n    token: abcdef.0123456789abcdef\n")
    yield m
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "end", "expected"),
    [
        (
            403,
            POOL["tokenEnd"],
            "waiting for a control plane to approve the certificate of burst-7",
        ),
        (401, POOL["tokenEnd"], "the cluster does not know the token of pool burst, which is good"),
        (
            401,
            "2026-11-22T00:00:00Z",
            "the token of pool burst expired on 2026-11-22T00:00:00Z: `nodeseed renew --node",
        ),
    ],
)
def test_why_there_is_no_certificate_yet_is_said(
    joining: FakeMachine, status: int, end: str, expected: str
) -> None:
    Api.status = status
    joining.write("etc/nodeseed/config.json", json.dumps({**joining.config, "tokenEnd": end}))

    def approved() -> None:
        assert joining.said.startswith(expected)
        assert Api.asked[-1] == "Bearer abcdef.0123456789abcdef"
        joining.write(CURRENT, "")

    joining.while_asleep.append(approved)
    assert bootstrap(joining) == 0
    assert joining.said == "the kubelet has its certificate"
