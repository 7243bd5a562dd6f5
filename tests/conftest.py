"""A valid cluster, ways to break it, and a way to render it with fixed time and seed."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

from nodeseed.nodes.build import build
from nodeseed.nodes.design import Design
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import Chance, Choices, Report, render_cluster
from nodeseed.pki.keys import generate_key
from nodeseed.spec.load import load
from nodeseed_node.install import content

# A machine may be busy with something else.
settings.register_profile("nodeseed", deadline=None)
settings.load_profile("nodeseed")

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

VALID: dict[str, Any] = {
    "apiVersion": "nodeseed.dev/v1alpha1",
    "kind": "Cluster",
    "name": "test",
    "platform": {"name": "nocloud"},
    "kubernetes": {"version": "1.37.2"},
    "endpoint": {"host": "api.test.example.com"},
    "networking": {
        "podSubnet": "10.244.0.0/16",
        "serviceSubnet": "10.96.0.0/12",
        "cni": "none",
        "nodeSubnet": "10.0.0.0/24",
    },
    "nodes": [
        {"name": "cp-1", "role": "control-plane", "address": "10.0.0.11"},
        {"name": "cp-2", "role": "control-plane", "address": "10.0.0.12"},
        {"name": "cp-3", "role": "control-plane", "address": "10.0.0.13"},
        {"name": "worker-1", "role": "worker", "address": "10.0.0.21"},
    ],
}

Change = Callable[[dict[str, Any]], Any]


def spec_with(*changes: Change) -> dict[str, Any]:
    """The valid cluster file after some changes."""
    spec = copy.deepcopy(VALID)
    for change in changes:
        change(spec)
    return spec


def spec_text(spec: dict[str, Any]) -> bytes:
    return yaml.safe_dump(spec, sort_keys=False).encode()


def design_of(*changes: Change) -> Design:
    spec = spec_with(*changes)
    manifests = dict.fromkeys(spec.get("manifests", []), "kind: Test\n")
    return build(load(spec_text(spec), "test.yaml"), manifests)


def fixed_secret(length: int) -> bytes:
    """What stands for randomness in tests: always the same bytes."""
    return hashlib.sha256(b"nodeseed test").digest()[:length]


@dataclass
class Workplace:
    """A folder with a cluster file, and the means to render it again and again."""

    folder: Path

    @property
    def state(self) -> ClusterState:
        return ClusterState(self.folder / "test.yaml")

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def write(self, *changes: Change) -> None:
        self.state.spec.write_bytes(spec_text(spec_with(*changes)))

    def render(self, now: datetime = NOW, **choices: bool) -> Report:
        chance = Chance(now=now, secret=fixed_secret, generate_key=generate_key)
        return render_cluster(self.state, Choices(out=self.out, **choices), chance)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.out).as_posix(): path.read_bytes()
            for path in sorted(self.out.rglob("*"))
            if path.is_file()
        }

    def tree(self, node: str) -> dict[str, str]:
        """Files of a node by their on-node paths, as the installer reads its user-data."""
        text = (self.out / node / "user-data").read_text()
        found = {}
        for file in yaml.safe_load(text)["write_files"]:
            path = file["path"]
            if path.startswith("/var/lib/nodeseed/incoming/"):
                path = "/" + path.split("/", 6)[6]
            staged = self.folder / "staged"
            staged.write_text(file["content"])
            found[path] = content(staged).decode()
        return found


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    place = Workplace(tmp_path)
    place.write()
    return place
