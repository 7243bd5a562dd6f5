"""Clusters of real machines, one at a time: the machine that runs the tests has few processors.

testcontainers gives the Docker client and the labels by which its reaper finds what a killed test
run left behind. The reaper's own image cannot be pulled everywhere, so every cluster is also
removed here, before and after use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from testcontainers.core.config import testcontainers_config
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.labels import create_labels

from nodeseed_lab.engine import connect
from nodeseed_lab.image import node_image
from nodeseed_lab.lab import Lab
from tests.e2e.workload import Workload

LAB_SPEC = Path(__file__).parents[2] / "clusters" / "lab.yaml"

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="session")
def image() -> str:
    """The baked node image; the daemon is started if none runs."""
    testcontainers_config.ryuk_disabled = True
    connect(print).close()
    return node_image(print)


def quick_leaders(spec: dict[str, Any]) -> None:
    """After at most 10 s + 4.4 * 2 s another instance leads."""
    for component in ("controllerManager", "scheduler"):
        timing = {"leaseDuration": "10s", "renewDeadline": "7s", "retryPeriod": "2s"}
        spec[component] = {"leaderElection": timing}


@contextmanager
def derived(image: str, tag: str, lines: str) -> Iterator[str]:
    """An image made from the node image, as long as it is needed; gives its tag.

    Args:
        image: the node image.
        tag: what the new one is called.
        lines: of a Dockerfile, below its FROM.
    """
    client = connect(print)
    try:
        dockerfile = BytesIO(f"FROM {image}\n{lines}".encode())
        client.images.build(fileobj=dockerfile, tag=tag)
        yield tag
        client.images.remove(tag, force=True)
    finally:
        client.close()


def unchanged(spec: dict[str, Any]) -> None:
    """The cluster file as it is."""


class Ground:
    """Where clusters are booted: one stands at a time, and the next takes its place.

    Args:
        client: the Docker to run on.
        image: the node image.
        folder: gives a new folder by its name.
    """

    def __init__(
        self, client: docker.DockerClient, image: str, folder: Callable[[str], Path]
    ) -> None:
        self._client = client
        self._image = image
        self._folder = folder
        self._stands: Lab | None = None

    def prepare(
        self, name: str, subnet: int, change: Change = unchanged, image: str | None = None
    ) -> Lab:
        """A cluster with no machine switched on yet: the lab's, under another name, elsewhere.

        Args:
            name: the cluster's.
            subnet: how many subnets away from the lab's: Docker gives none to two networks.
            change: what else is different from the lab's cluster file.
            image: another node image.
        """
        self.clear()
        spec = yaml.safe_load(elsewhere(LAB_SPEC.read_text(encoding="utf-8"), subnet))
        spec["name"] = name
        change(spec)
        folder = self._folder(name)
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        image = image or self._image
        labels = create_labels(image, None)
        lab = Lab(path, folder / "out", image=image, client=self._client, labels=labels)
        lab.down()
        self._stands = lab
        lab.render()
        return lab

    def clear(self) -> None:
        """Remove the cluster that stands, if one does."""
        if self._stands is not None:
            self._stands.down()
        self._stands = None


@pytest.fixture(scope="session")
def ground(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Where clusters are booted."""
    client = DockerClient().client
    ground = Ground(client, image, tmp_path_factory.mktemp)
    yield ground
    ground.clear()
    client.close()


@pytest.fixture(scope="session")
def cluster(ground: Ground) -> Lab:
    """The lab's cluster, Ready; who changes it puts it back.

    Where it does not become Ready, the error says which unit of which machine is to blame.
    """
    lab = ground.prepare("e2e", 11, quick_leaders)
    lab.boot()
    lab.wait_ready()
    return lab


@pytest.fixture(scope="module")
def workload(cluster: Lab) -> Workload:
    """Pods of ours in the cluster, ready."""
    return Workload(cluster).start()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those go first that share the session's cluster, whose place the next one takes."""
    items.sort(key=lambda item: hasattr(getattr(item, "module", None), "cluster"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let a failure tell what every machine says."""
    report = yield
    lab = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and isinstance(lab, Lab):
        report.sections.append(("what the machines say", "\n".join(lab.explain())))
    return report


def elsewhere(text: str, number: int) -> str:
    """The lab's cluster file, on another subnet."""
    base = str(yaml.safe_load(text)["networking"]["nodeSubnet"]).rpartition(".0/")[0]
    head, _, third = base.rpartition(".")
    return text.replace(f"{base}.", f"{head}.{int(third) + number}.")
