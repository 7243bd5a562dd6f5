"""Clusters rendered through the library, and what their user-data puts on a node."""

import base64
import dataclasses
import email
import gzip
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodeseed.nodes.design import Design
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import Chance, Choices, render_cluster
from nodeseed.pki.keys import generate_key
from nodeseed_lab.programs import program
from nodeseed_node.install import install
from nodeseed_node.machine import Machine
from tests.integration.etcd_members import Lab
from tests.integration.loop_disks import Bench, own_mounts

# Real programs look at the real clock, so the first render is today; the secret is always the same.
CHANCE = Chance(
    now=datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
    secret=lambda size: bytes(range(size)),
    generate_key=generate_key,
)

# Files that take minutes, and mostly wait: begun first, they end with the others.
LONG = ("test_terraform.py", "test_endpoint.py", "test_membership_etcd.py")

STAGING = re.compile(r"/var/lib/nodeseed/incoming/[0-9a-z]+-[0-9]+(?=/)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the long files go first."""
    items.sort(key=lambda item: item.path.name not in LONG)


@dataclasses.dataclass(frozen=True)
class PlacedFile:
    """One file of a node, at its place on the node."""

    path: str
    staged: str
    mode: int
    content: bytes


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A rendered cluster: its design, and the folder with every node's user-data."""

    design: Design
    out: Path

    @property
    def nodes(self) -> list[str]:
        """Every node's name, and every elastic pool's."""
        return [machine.name for machine in self.design.everyone]

    def user_data(self, node: str) -> bytes:
        """The bytes that the platform takes."""
        return (self.out / node / "user-data").read_bytes()

    def cloud_config(self, node: str) -> Any:
        """The document in them."""
        return yaml.safe_load(decoded(self.user_data(node)))

    def readable(self, node: str) -> Path:
        """The file with the cloud-config as text."""
        folder = self.out / node
        apart = folder / "user-data.yaml"
        return apart if apart.exists() else folder / "user-data"

    def files(self, node: str) -> Iterator[PlacedFile]:
        """What write_files puts on the node; staged files at the place that they are meant for."""
        for entry in self.cloud_config(node)["write_files"]:
            yield PlacedFile(
                path=STAGING.sub("", entry["path"]),
                staged=entry["path"],
                mode=int(entry["permissions"], 8),
                content=entry["content"].encode(),
            )

    def install(self, node: str, root: Path) -> Path:
        """Stage a node's files under a folder, and let the node's installer move them there."""
        self.stage(node, root)
        return self.finish(root)

    def stage(self, node: str, root: Path) -> None:
        """Write a node's files under a folder, as cloud-init writes them."""
        for file in self.files(node):
            _write(root / file.staged[1:], file)

    def finish(self, root: Path) -> Path:
        """Let the node's installer move what is staged under a folder."""
        assert install(_WithoutUnits(str(root), "install")) == 0
        return root


class _WithoutUnits(Machine):
    """A folder, in which no systemd runs."""

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        return (0, "") if command[0] == "systemctl" else super().run(*command, stdin=stdin)


def _write(path: Path, file: PlacedFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content)
    path.chmod(file.mode)


def decoded(user_data: bytes) -> bytes:
    """Cloud-config's text, from any of the forms of user-data."""
    if user_data.startswith(b"MIME-Version:"):
        (part,) = email.message_from_bytes(user_data).get_payload()
        return gzip.decompress(part.get_payload(decode=True))
    if user_data.startswith(b"#cloud-config\n"):
        return user_data
    if not user_data.startswith(b"\x1f\x8b"):
        user_data = base64.b64decode(user_data, validate=True)
    return gzip.decompress(user_data)


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Rendered]:
    """Render a cluster: a base that every test can live with, and the blocks that it changes."""

    def rendered(**blocks: Any) -> Rendered:
        name = blocks.get("name", "it")
        spec = tmp_path / f"{name}.yaml"
        spec.write_text(yaml.safe_dump({**BASE, **blocks}, sort_keys=False))
        report = render_cluster(ClusterState(spec), Choices(out=tmp_path / f"{name}.out"), CHANCE)
        return Rendered(report.design, tmp_path / f"{name}.out")

    return rendered


BASE = {
    "apiVersion": "nodeseed.dev/v1alpha1",
    "kind": "Cluster",
    "name": "it",
    "platform": {"name": "nocloud"},
    "kubernetes": {"version": "1.37.2"},
    "endpoint": {"host": "api.it.example.com"},
    "networking": {
        "podSubnet": "10.244.0.0/16",
        "serviceSubnet": "10.96.0.0/12",
        "nodeSubnet": "10.0.0.0/24",
        "cni": "none",
    },
    "nodes": [
        {"name": "cp-1", "role": "control-plane", "address": "10.0.0.11"},
        {"name": "cp-2", "role": "control-plane", "address": "10.0.0.12"},
        {"name": "cp-3", "role": "control-plane", "address": "10.0.0.13"},
        {"name": "worker-1", "role": "worker", "address": "10.0.0.21"},
    ],
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Machines that become members of an etcd cluster."""
    built = Lab(tmp_path, program("etcd-3.7"))
    yield built
    for node in built.nodes.values():
        node.stop()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A machine, and the disks that are plugged into it."""
    own_mounts()
    bench = Bench(tmp_path)
    yield bench
    bench.off()
    for name in list(bench.loops):
        bench.unplug(name)
