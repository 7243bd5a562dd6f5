"""Trust, proven by real TLS handshakes: who must be believed is, and nobody else."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Workplace

PKI = "/etc/kubernetes/pki"


@dataclass(frozen=True)
class Party:
    """A node's pair, and the CA that it believes."""

    node: str
    pair: str
    trusts: str


def _context(workplace: Workplace, party: Party, folder: Path, *, server: bool) -> ssl.SSLContext:
    tree = workplace.tree(party.node)
    name = f"{party.node}{party.pair}".replace("/", "_")
    for suffix in ("crt", "key"):
        (folder / f"{name}.{suffix}").write_text(tree[f"{party.pair}.{suffix}"])
    purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
    context = ssl.create_default_context(purpose, cadata=tree[f"{party.trusts}.crt"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


def shake(
    server: Party, client: Party, name: str, servers: Workplace, clients: Workplace, tmp: Path
) -> None:
    """A handshake with certificates on both sides; raises ssl.SSLError if either says no."""
    (tmp / "s").mkdir()
    (tmp / "c").mkdir()
    ours = _context(servers, server, tmp / "s", server=True)
    theirs = _context(clients, client, tmp / "c", server=False)
    left, right = socket.socketpair()
    failed: list[Exception] = []

    def serve() -> None:
        try:
            with ours.wrap_socket(left, server_side=True) as tls:
                tls.sendall(b"hello")
                tls.recv(1)
        except (ssl.SSLError, OSError) as error:
            failed.append(error)
            left.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with theirs.wrap_socket(right, server_hostname=name) as tls:
            assert tls.recv(5) == b"hello"
            tls.sendall(b"x")
    except OSError:
        right.close()
        raise
    finally:
        thread.join()
    if failed:
        raise failed[0]


API = Party("cp-1", f"{PKI}/apiserver", f"{PKI}/ca")
ETCD = Party("cp-1", f"{PKI}/etcd/server", f"{PKI}/etcd/ca")
PEER = Party("cp-1", f"{PKI}/etcd/peer", f"{PKI}/etcd/ca")
KUBELET = Party("worker-1", "/var/lib/kubelet/pki/kubelet", f"{PKI}/ca")


def conf(node: str, name: str) -> Party:
    return Party(node, f"/kubeconfig/{name}.conf", f"{PKI}/ca")


BELIEVED = {
    "worker's kubelet to API": (API, conf("worker-1", "kubelet"), "api.test.example.com"),
    "control plane's kubelet to API": (API, conf("cp-1", "kubelet"), "10.0.0.11"),
    "pods to API": (API, conf("worker-1", "kubelet"), "kubernetes.default.svc"),
    "pods to API by address": (API, conf("worker-1", "kubelet"), "10.96.0.1"),
    "admin to API": (API, conf("cp-2", "admin"), "api.test.example.com"),
    "super-admin to API": (API, conf("cp-1", "super-admin"), "10.0.0.11"),
    "controller-manager to API": (API, conf("cp-1", "controller-manager"), "10.0.0.11"),
    "scheduler to API": (API, conf("cp-1", "scheduler"), "10.0.0.11"),
    "API to etcd": (
        ETCD,
        Party("cp-2", f"{PKI}/apiserver-etcd-client", f"{PKI}/etcd/ca"),
        "10.0.0.11",
    ),
    "health check to etcd": (
        ETCD,
        Party("cp-1", f"{PKI}/etcd/healthcheck-client", f"{PKI}/etcd/ca"),
        "127.0.0.1",
    ),
    "etcd to its own gateway": (
        ETCD,
        Party("cp-1", f"{PKI}/etcd/server", f"{PKI}/etcd/ca"),
        "localhost",
    ),
    "peer to peer": (PEER, Party("cp-3", f"{PKI}/etcd/peer", f"{PKI}/etcd/ca"), "10.0.0.11"),
    "API to kubelet": (
        KUBELET,
        Party("cp-1", f"{PKI}/apiserver-kubelet-client", f"{PKI}/ca"),
        "10.0.0.21",
    ),
}


@pytest.mark.parametrize("pair", BELIEVED)
def test_those_who_must_trust_each_other_do(
    pair: str, workplace: Workplace, tmp_path: Path
) -> None:
    workplace.render()
    server, client, name = BELIEVED[pair]
    shake(server, client, name, workplace, workplace, tmp_path)


REFUSED = {
    "wrong name": (API, conf("worker-1", "kubelet"), "other.example.com"),
    "wrong address": (KUBELET, conf("cp-1", "admin"), "10.0.0.22"),
    "kubelet to etcd": (
        ETCD,
        Party("worker-1", "/kubeconfig/kubelet.conf", f"{PKI}/ca"),
        "10.0.0.11",
    ),
    "etcd client to API": (
        API,
        Party("cp-1", f"{PKI}/apiserver-etcd-client", f"{PKI}/ca"),
        "10.0.0.11",
    ),
    "front proxy to API's clients": (
        API,
        Party("cp-1", f"{PKI}/front-proxy-client", f"{PKI}/ca"),
        "10.0.0.11",
    ),
    "client certificate as server": (
        Party("cp-1", f"{PKI}/apiserver-kubelet-client", f"{PKI}/ca"),
        conf("cp-1", "admin"),
        "kube-apiserver-kubelet-client",
    ),
    "kubelet's serving certificate as client": (
        API,
        Party("worker-1", "/var/lib/kubelet/pki/kubelet", f"{PKI}/ca"),
        "10.0.0.11",
    ),
}


@pytest.mark.parametrize("pair", REFUSED)
def test_those_who_must_not_trust_each_other_do_not(
    pair: str, workplace: Workplace, tmp_path: Path
) -> None:
    workplace.render()
    server, client, name = REFUSED[pair]
    with pytest.raises(OSError):  # noqa: PT011 - ssl.SSLError, or the other side's hang-up
        shake(server, client, name, workplace, workplace, tmp_path)


def test_another_cluster_of_the_same_name_is_a_stranger(
    workplace: Workplace, tmp_path: Path
) -> None:
    workplace.render()
    folder = tmp_path / "other"
    folder.mkdir()
    other = Workplace(folder)
    other.write()
    other.state.save_seed(bytes(32))
    other.render(first=True)
    with pytest.raises(OSError):  # noqa: PT011
        shake(API, conf("worker-1", "kubelet"), "10.0.0.11", workplace, other, tmp_path)
