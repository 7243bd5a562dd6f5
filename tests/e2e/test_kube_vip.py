"""Endpoint kube-vip, its image stood in for (docs/testing.md): no deadlock, and who takes over.

The stand-in does what the manifest asks for, with exactly what the manifest gives it: arguments,
environment, kubeconfig, host alias, capabilities. Its election is client-go's, as kube-vip's is.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from nodeseed.endpoints.kube_vip import Options
from nodeseed_lab.lab import Lab
from nodeseed_lab.programs import program
from tests.e2e.conftest import Ground
from tests.e2e.faults import holder, without_api_server
from tests.e2e.workload import Workload, eventually, items, ready
from tests.e2e.writes import Writes

KUBE_VIP = Options.model_fields["image"].default
NODE = "nodeseed-lab/kube-vip:e2e"
# More than with the others: client-go looks at a Lease each 1 to 2.2 s. Who has seen it renewed
# 1.2 s after that was done lets 3 s pass, and looks again 2.2 s later at worst.
LONGEST = 6.9
STAND_IN = 'FROM scratch\nCOPY kube-vip /\nENTRYPOINT ["/kube-vip"]\n'
# Both at the node's first boot and later: importing what is there costs next to nothing.
WITH_IT = """
FROM {image}
COPY kube-vip.tar /opt/
RUN mkdir -p /etc/systemd/system/containerd.service.d && printf '[Service]\\nExecStartPost=ctr \
--namespace=k8s.io images import /opt/kube-vip.tar\\n' \
>/etc/systemd/system/containerd.service.d/kube-vip.conf
"""


@pytest.fixture(scope="module")
def node_with_stand_in(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The node image, with an image under kube-vip's name in it."""
    client = docker.from_env()
    folder = tmp_path_factory.mktemp("kube-vip")
    shutil.copy(program("kube-vip-stand-in"), folder)
    _build(client, folder, STAND_IN, KUBE_VIP)
    with (folder / "kube-vip.tar").open("wb") as file:
        for chunk in client.images.get(KUBE_VIP).save(named=True):
            file.write(chunk)
    client.images.remove(KUBE_VIP, force=True)
    _build(client, folder, WITH_IT.format(image=image), NODE)
    yield NODE
    client.images.remove(NODE, force=True)
    client.close()


def _build(client: docker.DockerClient, folder: Path, text: str, tag: str) -> None:
    (folder / "Dockerfile").write_text(text)
    client.images.build(path=str(folder), tag=tag, rm=True)


def kube_vip(spec: dict[str, Any]) -> None:
    spec["endpoint"] = {"host": spec["endpoint"]["host"], "provider": "kube-vip"}
    del spec["nodes"][4]


@pytest.fixture(scope="module")
def cluster(ground: Ground, node_with_stand_in: str) -> Lab:
    """Three control planes that hold an address by a Lease, and a worker; Ready."""
    lab = ground.prepare("e2e-kube-vip", 16, kube_vip, node_with_stand_in)
    lab.boot()
    lab.wait_ready()
    return lab


def lease(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = lab.api.get(
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/plndr-cp-lock"
    )
    return found


def test_who_holds_the_lease_has_the_address(cluster: Lab, workload: Workload) -> None:
    assert holder(cluster) == lease(cluster)["spec"]["holderIdentity"]
    assert workload.client("get", "http://web/")


def test_the_kubelet_takes_its_manifest(cluster: Lab) -> None:
    wanted = {f"kube-vip-{machine.name}" for machine in cluster.design.control_planes}

    def pods() -> list[dict[str, Any]]:
        found = items(cluster, "pods", "-n=kube-system")
        return [pod for pod in found if pod["metadata"]["name"] in wanted and ready(pod)]

    eventually("each control plane has it, ready", lambda: len(pods()) == len(wanted))
    for pod in pods():
        assert pod["spec"]["containers"][0]["image"] == KUBE_VIP
        assert pod["spec"]["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": ["kubernetes"]}]


def test_its_identity_may_use_its_lease_and_nothing_else(cluster: Lab) -> None:
    def allowed(*what: str) -> bool:
        kubectl = ("kubectl", "--kubeconfig=/etc/kubernetes/kube-vip.conf", "auth", "can-i")
        return cluster.machines["cp-1"].exec(*kubectl, "--namespace=kube-system", *what)[0] == 0

    assert allowed("update", "leases.coordination.k8s.io/plndr-cp-lock")
    assert not allowed("update", "leases.coordination.k8s.io/kube-scheduler")
    assert not allowed("get", "secrets")
    assert not allowed("list", "nodes")


def test_the_api_server_of_the_one_with_the_address_is_killed(cluster: Lab) -> None:
    """It cannot renew its Lease any more, and another one takes it."""
    without = holder(cluster)
    with Writes(cluster, "worker-1") as writes, without_api_server(cluster, without):
        gaps = writes.gaps(10)
        assert holder(cluster) not in ("", without)
    assert max(gaps.values()) <= LONGEST, gaps


def test_the_plug_of_the_one_with_the_address_is_pulled(cluster: Lab) -> None:
    """The last test: it stays so."""
    dead = holder(cluster)
    with Writes(cluster, "worker-1") as writes:
        cluster.machines[dead].kill()
        gaps = writes.gaps(10)
    assert max(gaps.values()) <= LONGEST, gaps
    assert holder(cluster) not in ("", dead)
