"""Three real etcd processes form a cluster from nothing but the rendered files of three nodes."""

import base64
import contextlib
import http.client
import json
import shlex
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from nodeseed_lab.programs import TABLE, program

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

PATIENCE = 60  # seconds until three members must have found each other

# Where etcd runs, by test: tests may run side by side, so each has loopback addresses of its own.
SUBNETS = {"3.7": 1, "3.6": 2, "3.5": 3, "dedicated": 4, "static-pod": 5}


def cluster(case: str, *, minor: str, role: str = "control-plane", run: str = "systemd") -> Any:
    """The blocks of a cluster whose etcd members have loopback addresses."""
    net = f"127.79.{SUBNETS[case]}"
    members = [
        {"name": f"m-{number}", "role": role, "address": f"{net}.{number}"} for number in (1, 2, 3)
    ]
    if role == "etcd":
        members.append({"name": "cp-1", "role": "control-plane", "address": f"{net}.11"})
    return {
        "networking": {
            "podSubnet": "10.244.0.0/16",
            "serviceSubnet": "10.96.0.0/12",
            "nodeSubnet": f"{net}.0/24",
            "cni": "none",
        },
        "nodes": members,
        "etcd": {"run": run, "version": TABLE[f"etcd-{minor}"].version},
    }


def on_one_host(setting: str, value: str, *, root: Path, address: str) -> str:
    """A setting of one of several members on the same host, each under a root of its own."""
    if value.startswith("/"):
        return f"{root}{value}"
    if setting == "initial-cluster-state":
        assert value == "existing"  # the rendered default; a membership decision makes it new
        return "new"
    if setting == "listen-client-urls":  # loopback is one address for all of them
        loopback, own = value.split(",")
        assert loopback == "https://127.0.0.1:2379"
        return own
    if setting == "listen-metrics-urls":
        return value.replace("127.0.0.1", address)
    return value


def from_unit(root: Path, address: str) -> tuple[list[str], dict[str, str]]:
    """The command and environment of etcd.service."""
    unit = (root / "etc/systemd/system/etcd.service").read_text().splitlines()
    assert "EnvironmentFile=/etc/etcd.env" in unit
    (command,) = (line.partition("=")[2] for line in unit if line.startswith("ExecStart="))
    pairs = (line.partition("=") for line in (root / "etc/etcd.env").read_text().splitlines())
    settings = {name: value for name, _, value in pairs}
    return shlex.split(command), {
        name: on_one_host(
            name.removeprefix("ETCD_").lower().replace("_", "-"), value, root=root, address=address
        )
        for name, value in settings.items()
    }


def from_pod(root: Path, address: str) -> tuple[list[str], dict[str, str]]:
    """The command of the static pod, which needs no environment."""
    pod = yaml.safe_load((root / "etc/nodeseed/etcd.yaml").read_text())
    (container,) = pod["spec"]["containers"]
    command = container["command"][:1]
    for argument in container["command"][1:]:
        flag, _, value = argument.partition("=")
        value = on_one_host(flag.removeprefix("--"), value, root=root, address=address)
        command.append(f"{flag}={value}")
    return command, {}


Started = Callable[[Path, str], tuple[list[str], dict[str, str]]]


@contextlib.contextmanager
def running(roots: Mapping[str, Path], start: Started, etcd: Path) -> Iterator[Callable[[], bool]]:
    """One etcd for each address, until the end of the block; a failure shows what they said."""
    processes: list[subprocess.Popen[bytes]] = []
    logs = []
    try:
        for address, root in roots.items():
            (name, *arguments), environment = start(root, address)
            assert Path(name).name == "etcd"
            logs.append(root / "etcd.log")
            with logs[-1].open("wb") as log:
                processes.append(
                    subprocess.Popen([etcd, *arguments], env=environment, stdout=log, stderr=log)
                )
        yield lambda: all(process.poll() is None for process in processes)
    except BaseException:
        for log in logs:
            print(log.read_text()[-3000:])
        raise
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


class Client:
    """A client of one member: its JSON gateway, with the pair that it was given."""

    def __init__(self, address: str, pki: Path, pair: str | None) -> None:
        self._address = address
        self.tls = ssl.create_default_context(cafile=pki / "etcd/ca.crt")
        if pair:
            self.tls.load_cert_chain(pki / f"{pair}.crt", pki / f"{pair}.key")

    def ask(self, path: str, **body: Any) -> Any:
        """Ask something of the member."""
        connection = http.client.HTTPSConnection(self._address, 2379, context=self.tls, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        if answer.status != http.client.OK:
            raise ConnectionError(text)
        return json.loads(text)

    def listen(self) -> bytes:
        """Shake hands and wait for what the member says first, which is nothing, or a refusal."""
        with (
            socket.create_connection((self._address, 2379), timeout=10) as plain,
            self.tls.wrap_socket(plain, server_hostname=self._address) as secured,
        ):
            return secured.recv(1)


def until_answered(client: Client, alive: Callable[[], bool], path: str, **body: Any) -> Any:
    """Ask until there is an answer, as long as every member runs."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return client.ask(path, **body)
        except OSError:
            if time.monotonic() > end or not alive():
                raise
            time.sleep(0.2)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def prove(rendered: "Rendered", tmp_path: Path, start: Started, minor: str) -> None:
    """Three members form a quorum; the API server may use it, and nobody else."""
    members = rendered.design.etcd_members
    roots = {m.address: rendered.install(m.name, tmp_path / m.name) for m in members}
    (first, *_), last = roots, list(roots)[-1]
    clients = next(m.name for m in rendered.design.machines if m.role == "control-plane")
    pki = tmp_path / clients / "etc/kubernetes/pki"
    if not pki.exists():
        rendered.install(clients, tmp_path / clients)
    with running(roots, start, program(f"etcd-{minor}")) as alive:
        api_server = {at: Client(at, pki, "apiserver-etcd-client") for at in roots}
        until_answered(api_server[first], alive, "/v3/kv/put", key=b64("k"), value=b64("v"))
        found = until_answered(api_server[last], alive, "/v3/kv/range", key=b64("k"))
        assert found["kvs"][0]["value"] == b64("v")
        listed = api_server[first].ask("/v3/cluster/member/list")["members"]
        assert {m["name"]: m["peerURLs"] for m in listed} == {
            name: [at] for name, at in rendered.design.peer_urls.items()
        }
        with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required|bad.certificate"):
            Client(first, pki, None).listen()
        with pytest.raises(ssl.SSLError, match=r"(?i)unknown.ca|bad.certificate"):
            Client(first, pki, "apiserver-kubelet-client").listen()
        assert alive()


@pytest.mark.parametrize("minor", ["3.7", "3.6", "3.5"])
def test_control_planes_form_a_cluster_from_unit_and_environment(
    render: "Callable[..., Rendered]", tmp_path: Path, minor: str
) -> None:
    prove(render(**cluster(minor, minor=minor)), tmp_path, from_unit, minor)


def test_dedicated_etcd_nodes_form_a_cluster_that_a_control_plane_may_use(
    render: "Callable[..., Rendered]", tmp_path: Path
) -> None:
    rendered = render(**cluster("dedicated", minor="3.7", role="etcd"))
    prove(rendered, tmp_path, from_unit, "3.7")


def test_control_planes_form_a_cluster_from_the_static_pod(
    render: "Callable[..., Rendered]", tmp_path: Path
) -> None:
    rendered = render(**cluster("static-pod", minor="3.7", run="static-pod"))
    prove(rendered, tmp_path, from_pod, "3.7")
