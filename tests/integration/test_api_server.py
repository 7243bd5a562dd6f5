"""A real API server takes what a control plane without kubeadm asks of it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from nodeseed_lab.programs import program
from nodeseed_node.api import api
from nodeseed_node.cluster_rendered import cluster_rendered
from nodeseed_node.machine import Machine
from nodeseed_node.wait_api import ready
from tests.mice import MICE

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp-1"}}
KEY = "etc/kubernetes/pki/cluster-admin.key"
SECONDS = 60


class Quiet(Machine):
    """A folder, an API server at another address, and no console."""

    url = ""

    @property
    def config(self) -> dict[str, object]:
        return {**super().config, "server": self.url}


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(log: Path, *command: str) -> Iterator[None]:
    """A program for a while."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(SECONDS)


@pytest.fixture
def machine(render: Callable[..., Rendered], tmp_path: Path) -> Iterator[Quiet]:
    """A control plane whose API server answers; it has the rendered flags and certificates."""
    mice = tmp_path / "mice.yaml"
    mice.write_text(MOUSE)
    rendered = render(
        controlPlane={"manifests": "rendered"},
        apiServer={"tokens": [{"user": "reader"}]},
        manifests=[mice.name],
    )
    root = rendered.install("cp-1", tmp_path / "cp-1")
    etcd, peer, port = free_port(), free_port(), free_port()
    pod = yaml.safe_load((root / "etc/nodeseed/control-plane/kube-apiserver.yaml").read_text())
    flags = [
        flag.replace("=/etc/", f"={root}/etc/")
        for flag in pod["spec"]["containers"][0]["command"][1:]
        if not flag.startswith(("--etcd-", "--secure-port"))
    ]
    m = Quiet(str(root), "cluster-rendered")
    m.url = f"https://127.0.0.1:{port}"
    client = f"http://127.0.0.1:{etcd}"
    (root / "dev").mkdir()
    with ExitStack() as stack:
        stack.enter_context(
            running(
                tmp_path / "etcd.log",
                *(str(program("etcd-3.7")), f"--data-dir={tmp_path}/etcd", "--unsafe-no-fsync"),
                *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
            )
        )
        stack.enter_context(
            running(
                tmp_path / "kube-apiserver.log",
                *(str(program("kube-apiserver-1.37")), *flags, f"--etcd-servers={client}"),
                f"--secure-port={port}",
            )
        )
        assert ready(m, SECONDS), (tmp_path / "kube-apiserver.log").read_text()[-3000:]
        yield m


MOUSE = (
    MICE
    + """---
kind: List
apiVersion: v1
items:
- {apiVersion: example.com/v1, kind: Mouse, metadata: {name: jerry}, spec: {born: 1940-02-10}}
"""
)


def test_it_takes_every_object_and_again_after_a_change(machine: Quiet) -> None:
    key = machine.text(KEY)
    assert key
    api(machine, "/api/v1/nodes/cp-1?fieldManager=kubelet", NODE)
    assert cluster_rendered(machine) == 0
    assert machine.text(KEY) == ""
    machine.write(KEY, key, 0o600)
    kube_system = "/apis/apps/v1/namespaces/kube-system"
    assert api(machine, f"{kube_system}/daemonsets/kube-proxy")["kind"] == "DaemonSet"
    dns = api(machine, f"{kube_system}/deployments/coredns")
    assert dns["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    mouse = api(machine, "/apis/example.com/v1/namespaces/default/mice/jerry")
    assert mouse["spec"] == {"born": "1940-02-10"}
    labels = api(machine, "/api/v1/nodes/cp-1")["metadata"]["labels"]
    assert labels["node-role.kubernetes.io/control-plane"] == ""

    # a newer revision of the cluster: what somebody scaled is as the cluster file says again
    scale = {"spec": {"replicas": 5}}
    api(machine, f"{kube_system}/deployments/coredns", scale, "merge-patch+json")
    mark = "/api/v1/namespaces/kube-system/configmaps/nodeseed"
    done = api(machine, mark)["data"]
    assert cluster_rendered(machine) == 0
    machine.write(KEY, key, 0o600)
    assert api(machine, f"{kube_system}/deployments/coredns")["spec"]["replicas"] == 5
    config = machine.text("etc/nodeseed/config.json")
    older = f'"clusterRevision": {done["revision"]}'
    assert older in config
    machine.write("etc/nodeseed/config.json", config.replace(older, '"clusterRevision": 999'))
    assert cluster_rendered(machine) == 0
    machine.write(KEY, key, 0o600)
    assert api(machine, f"{kube_system}/deployments/coredns")["spec"]["replicas"] == 2
    assert api(machine, mark)["data"]["revision"] == "999"
