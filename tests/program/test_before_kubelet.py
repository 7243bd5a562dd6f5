"""The steps before a node's kubelet: what they do, what they say, and that they end."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nodeseed_node.install import RECORD
from nodeseed_node.ipvs import MODULES, ipvs
from nodeseed_node.preflight import preflight
from nodeseed_node.routes import routes
from nodeseed_node.wait_api import wait_api
from tests.program.machines import FakeMachine

PKI = "etc/kubernetes/pki"


def certificate(m: FakeMachine, name: str, days: float = 365) -> None:
    """A self-signed pair for 127.0.0.1, placed as install places it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.fromtimestamp(m.now(), UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    m.write(f"{PKI}/{name}.crt", made.public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    m.write(f"{PKI}/{name}.key", private, 0o600)
    files = m.load(RECORD).get("files", [])
    files += [f"{PKI}/{name}.crt", f"{PKI}/{name}.key"]
    m.write(RECORD, json.dumps({"files": files}))


def programs(command: tuple[str, ...], _: str) -> tuple[int, str]:
    """Every program is there, in the right version."""
    known = {
        "kubelet": "Kubernetes v1.37.2",
        "kubeadm": "v1.37.2",
        "ip": "1: lo    inet 127.0.0.1/8 scope host lo",
    }
    return 0, known.get(command[0], "")


class TestPreflight:
    @pytest.fixture
    def m(self, tmp_path: Path) -> FakeMachine:
        m = FakeMachine(tmp_path, "preflight", programs)
        m.configure()
        m.write("proc/sys/kernel/hostname", "cp-1\n")
        m.write("proc/swaps", "Filename Type Size\n")
        m.write("proc/mounts", "/dev/vdb /var/lib/etcd ext4 rw 0 0\n")
        m.write("etc/fstab", "LABEL=etcd /var/lib/etcd ext4 defaults 0 2\n")
        m.write("var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n")
        m.write("run/containerd/containerd.sock", "")
        certificate(m, "apiserver")
        return m

    def test_all_is_well(self, m: FakeMachine) -> None:
        assert preflight(m) == 0
        assert m.console == ["nodeseed cp-1: preflight: all is well"]

    @pytest.mark.parametrize(
        ("broken", "said"),
        [
            (
                lambda m: m.write("proc/sys/kernel/hostname", "cp-1.example.com"),
                "the host name is cp-1.example.com, not cp-1",
            ),
            (
                lambda m: m.configure(addresses=["127.0.0.1", "192.0.2.1", "2001:db8::1"]),
                "no interface has 192.0.2.1; no interface has 2001:db8::1",
            ),
            (
                lambda m: m.configure(programs={"kubelet --version": "1.38.0"}),
                "kubelet 1.38.0 is needed: Kubernetes v1.37.2",
            ),
            (lambda m: m.remove("run/containerd/containerd.sock"), "containerd does not run"),
            (
                lambda m: m.write("proc/swaps", "Filename\n/dev/vdc partition 1\n"),
                "swap is on: swapoff -a",
            ),
            (lambda m: m.write("proc/mounts", ""), "/var/lib/etcd is not mounted"),
            (lambda m: m.remove(f"{PKI}/apiserver.key"), f"{PKI}/apiserver.key is missing"),
            (
                lambda m: certificate(m, "old", days=-1),
                f"{PKI}/old.crt has expired: boot with newer user-data",
            ),
        ],
        ids=range(8),
    )
    def test_a_problem_is_said_and_waited_for(
        self, m: FakeMachine, broken: Callable[[FakeMachine], Any], said: str
    ) -> None:
        broken(m)
        m.while_asleep = [lambda: (_ for _ in ()).throw(TimeoutError)]
        with pytest.raises(TimeoutError):
            preflight(m)
        assert m.said == said

    def test_an_image_that_was_baked_is_named(self, m: FakeMachine) -> None:
        m.write("etc/nodeseed/image", " (image nodeseed-1.36.5)")
        m.configure(programs={"kubeadm version": "1.38.0", "etcd x": "3.7.0"})
        m.while_asleep = [lambda: (_ for _ in ()).throw(TimeoutError)]
        with pytest.raises(TimeoutError):
            preflight(m)
        assert m.said == (
            "kubeadm 1.38.0 is needed: v1.37.2 (image nodeseed-1.36.5); "
            "etcd 3.7.0 is needed:  (image nodeseed-1.36.5)"
        )

    def test_swap_may_be_wanted(self, m: FakeMachine) -> None:
        m.write("proc/swaps", "Filename\n/dev/vdc partition 1\n")
        m.write("var/lib/kubelet/config.yaml", "failSwapOn: false\n")
        assert preflight(m) == 0

    def test_a_kubelet_that_was_upgraded_by_hand_is_right(self, m: FakeMachine) -> None:
        m.configure(programs={"kubelet --version": "1.36.4"})
        assert preflight(m) == 0

    def test_the_clock_holds_up_for_two_minutes_at_most(self, m: FakeMachine) -> None:
        m.configure(issued="2030-01-01T00:00:00Z")
        assert preflight(m) == 0
        assert m.slept == 120
        assert m.said == "the clock is not synchronised"


class TestIpvs:
    def test_the_modules_are_loaded(self, tmp_path: Path) -> None:
        m = FakeMachine(tmp_path, "ipvs")
        m.write(MODULES, "ip_vs\nip_vs_rr\n")
        assert ipvs(m) == 0
        assert m.commands == [("modprobe", "ip_vs"), ("modprobe", "ip_vs_rr")]
        assert m.said == "the kernel has all modules"

    def test_a_kernel_without_them_is_said_and_waited_for(self, tmp_path: Path) -> None:
        m = FakeMachine(tmp_path, "ipvs", lambda command, _: (int(command[1] != "dummy"), ""))
        m.write(MODULES, "ip_vs\nip_vs_rr\ndummy\n")
        m.configure()
        m.while_asleep = [lambda: setattr(m, "answer", lambda *_: (0, ""))]
        assert ipvs(m) == 0
        assert m.console[0] == (
            "nodeseed cp-1: ipvs: the kernel lacks ip_vs, ip_vs_rr for kube-proxy's ipvs: "
            "boot one that has, or write proxy.mode: nftables"
        )


class TestRoutes:
    def test_the_whole_range_is_routed_but_not_to_ourselves(self, tmp_path: Path) -> None:
        m = FakeMachine(tmp_path, "routes")
        pairs = {"10.0.0.0/24": "10.244.0.0/16", "fd00::/64": "fd00:1::/48"}
        m.configure(podRoutes=pairs, addresses=["10.0.0.21", "fd00::15"])
        assert routes(m) == 0
        lines = m.stdin[-1].splitlines()
        assert lines[0] == "route replace 10.244.1.0/24 via 10.0.0.1"
        assert "route replace 10.244.20.0/24 via 10.0.0.20" in lines
        assert "route replace fd00:1:0:14::/64 via fd00::14" in lines
        assert not [line for line in lines if line.endswith((" 10.0.0.21", " fd00::15"))]
        assert len(lines) == 253 + 1022

    def test_a_wide_subnet_spans_several_sixteens(self, tmp_path: Path) -> None:
        m = FakeMachine(tmp_path, "routes")
        m.configure(podRoutes={"10.0.0.0/22": "10.64.0.0/14"}, addresses=["10.0.0.21"])
        assert routes(m) == 0
        assert "route replace 10.67.254.0/24 via 10.0.3.254" in m.stdin[-1]

    def test_routes_that_fail_are_said_and_hold_up_for_a_minute(self, tmp_path: Path) -> None:
        m = FakeMachine(
            tmp_path, "routes", lambda c, _: (2, "Nexthop invalid") if c[0] == "ip" else (0, "")
        )
        m.configure(podRoutes={"10.0.0.0/24": "10.244.0.0/16"})
        assert routes(m) == 0
        assert (m.said, m.slept) == ("Nexthop invalid", 60)


def serve(m: FakeMachine, handler: type[BaseHTTPRequestHandler]) -> HTTPServer:
    """Answer at a free port of 127.0.0.1, with the pair that :func:`certificate` has placed."""
    server = HTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(m.path(f"{PKI}/ca.crt"), m.path(f"{PKI}/ca.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


class Api:
    """An API server that answers /readyz as it is told."""

    def __init__(self, m: FakeMachine, status: int) -> None:
        certificate(m, "ca")
        outer = self
        self.status = status

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(outer.status if self.path == "/readyz" else 404)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = serve(m, Handler)
        self.url = f"https://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class TestWaitApi:
    def test_it_waits_until_the_api_is_ready(self, tmp_path: Path) -> None:
        m = FakeMachine(tmp_path, "wait-api")
        with Api(m, 500) as api:
            m.configure(server=api.url)
            m.while_asleep = [lambda: setattr(api, "status", 401)]
            assert wait_api(m) == 0
        assert [line.partition("wait-api: ")[2] for line in m.console] == [
            f"waiting for {api.url}: it says 500",
            "the API answers",
        ]

    def test_an_api_server_that_makes_its_roles_is_left_alone(self, tmp_path: Path) -> None:
        m = FakeMachine(tmp_path, "wait-api")
        with Api(m, 403) as api:
            m.configure(server=api.url)
            m.while_asleep = [lambda: None, lambda: setattr(api, "status", 200)]
            assert wait_api(m) == 0
        assert m.slept == 2

    def test_one_that_forbids_it_to_everybody_is_an_answer(self, tmp_path: Path) -> None:
        m = FakeMachine(tmp_path, "wait-api")
        with Api(m, 403) as api:
            m.configure(server=api.url)
            assert wait_api(m) == 0
        assert m.slept == 91

    def test_it_gives_up_after_ten_minutes(self, tmp_path: Path) -> None:
        m = FakeMachine(tmp_path, "wait-api")
        certificate(m, "ca")
        m.configure(server="https://127.0.0.1:1")
        assert wait_api(m) == 0
        assert m.slept == 600
        assert m.said == "no API, starting the kubelet anyway"
        assert "Connection refused" in m.console[0]
