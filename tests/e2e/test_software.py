"""Machines whose image has no Kubernetes get it from a web server, however late that comes."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeseed_lab.lab import Lab
from nodeseed_lab.programs import program
from tests.e2e.conftest import Ground, derived
from tests.e2e.mirror import PORT, served
from tests.e2e.workload import Workload, eventually

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
PROGRAMS = ("kubelet", "kubeadm", "kubectl")
BARE = "nodeseed-lab/bare:e2e"
WITHOUT = """
RUN cd /usr/local/bin && rm -f kubernetes kubelet kubeadm kubectl && ! command -v kubelet
"""


@pytest.fixture(scope="module")
def bare_image(image: str) -> Iterator[str]:
    """The node image without the programs that the web server has."""
    with derived(image, BARE, WITHOUT) as tag:
        yield tag


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as dl.k8s.io has it."""
    folder = tmp_path_factory.mktemp("release")
    binaries = folder / "v1.37.2" / "bin" / "linux" / ARCHITECTURE
    binaries.mkdir(parents=True)
    for name in PROGRAMS:
        # one executable, which is whatever it is called by
        (binaries / name).symlink_to(program("kubelet-1.37").resolve())
    return folder


@pytest.fixture(scope="module")
def cluster(ground: Ground, bare_image: str, release: Path) -> Lab:
    """One control plane and one worker, Ready."""

    def binaries(spec: dict[str, Any]) -> None:
        spec["nodes"] = [node for node in spec["nodes"] if node["name"] in ("cp-1", "worker-1")]
        gateway = spec["networking"]["nodeSubnet"].replace(".0/24", ".1")
        digests = {}
        for name in PROGRAMS:
            with (next(release.glob("*/*/*/*")) / name).open("rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        spec["kubernetes"]["software"] = {
            "source": "binaries",
            "binaries": {
                "url": f"http://{gateway}:{PORT}",
                "architecture": ARCHITECTURE,
                "sha256": digests,
            },
        }

    lab = ground.prepare("e2e-software", 13, binaries, bare_image)
    lab.boot()
    subnets = lab.design.cluster.networking.nodeSubnet
    assert subnets
    for machine in lab.machines.values():
        eventually(
            f"{machine.node} waits for the server",
            lambda m=machine: "refused" in m.steps().get("software", ""),
        )
    with served(release, str(subnets[0][1])) as asked:
        lab.wait_ready()
    worker = str(lab.design.machines[1].address)
    assert len(asked) == len(PROGRAMS) + 1
    assert [line for line in asked if line.startswith(worker)] == [
        f"{worker} /v1.37.2/bin/linux/{ARCHITECTURE}/kubelet"
    ]
    return lab


def test_the_cluster_works_with_programs_that_came_from_a_web_server(workload: Workload) -> None:
    machines = workload.lab.machines
    assert machines["cp-1"].run("kubeadm", "version", "-oshort").strip() == "v1.37.2"
    assert machines["worker-1"].exec("which", "kubeadm")[0] != 0
    assert machines["worker-1"].steps()["software"] == "1 files in place"
    assert workload.client("dns", "web")
    assert workload.client("get", "http://web/")
