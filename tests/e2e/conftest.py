"""Clusters of real machines: one that read-only tests share, and fresh ones for tests that break.

testcontainers gives the Docker client and the labels by which its reaper finds what a killed test
run left behind. The reaper's own image cannot be pulled everywhere, so every cluster is also
removed here, before and after use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from testcontainers.core.config import testcontainers_config
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.labels import create_labels

from nodeseed_lab.engine import connect
from nodeseed_lab.image import node_image
from nodeseed_lab.lab import Lab

LAB_SPEC = Path(__file__).parents[2] / "clusters" / "lab.yaml"

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="session")
def image() -> str:
    """The baked node image; the daemon is started if none runs."""
    testcontainers_config.ryuk_disabled = True
    connect(print).close()
    return node_image(print)


@contextmanager
def booted(folder: Path, image: str, text: str, change: Change) -> Iterator[Lab]:
    """A cluster, Ready; it is gone in the end.

    Where it does not become Ready, the error says which unit of which machine is to blame.
    """
    spec = yaml.safe_load(text)
    change(spec)
    path = folder / f"{spec['name']}.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    client = DockerClient().client
    lab = Lab(path, folder / "out", image=image, client=client, labels=create_labels(image, None))
    lab.down()
    try:
        lab.render()
        lab.boot()
        lab.wait_ready()
        yield lab
    finally:
        lab.down()
        client.close()


def unchanged(spec: dict[str, Any]) -> None:
    """The cluster file as it is."""


@pytest.fixture(scope="session")
def cluster(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab's cluster, Ready; for tests that leave it as they find it."""
    text = LAB_SPEC.read_text(encoding="utf-8").replace("name: lab\n", "name: e2e\n", 1)
    with booted(tmp_path_factory.mktemp("cluster"), image, elsewhere(text, 1), unchanged) as lab:
        yield lab


@pytest.fixture
def boot(image: str, tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Boots a cluster that the test may break; the argument changes the lab's cluster file."""
    text = LAB_SPEC.read_text(encoding="utf-8").replace("name: lab\n", "name: e2e-own\n", 1)
    with ExitStack() as stack:
        yield lambda change=unchanged: stack.enter_context(
            booted(tmp_path, image, elsewhere(text, 2), change)
        )


def elsewhere(text: str, number: int) -> str:
    """The lab's cluster file, on another subnet: Docker gives no subnet to two networks."""
    base = str(yaml.safe_load(text)["networking"]["nodeSubnet"]).rpartition(".0/")[0]
    head, _, third = base.rpartition(".")
    return text.replace(f"{base}.", f"{head}.{int(third) + number}.")
