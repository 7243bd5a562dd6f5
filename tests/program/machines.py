"""A machine in a folder: its commands are recorded, its clock moves only while somebody sleeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nodeseed_node.machine import STATUS, Machine

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()

CONFIG: dict[str, Any] = {
    "clusterID": "c0ffee",
    "node": "cp-1",
    "revision": 3,
    "clusterRevision": 2,
    "clusterFirst": True,
    "addresses": ["127.0.0.1"],
    "kubernetesVersion": "1.37.2",
    "server": "https://10.0.0.11:6443",
    "timeSource": "host",
    "issued": "2026-11-20T00:00:00Z",
    "programs": {"kubelet --version": "1.37.2", "kubeadm version -oshort": "1.37.2"},
    "podRoutes": None,
}

Answer = Callable[[tuple[str, ...], str], tuple[int, str]]


class FakeMachine(Machine):
    """A machine whose commands are answered by a function, in a folder of the test."""

    def __init__(self, root: Path, step: str = "test", answer: Answer | None = None) -> None:
        super().__init__(str(root), step)
        self.commands: list[tuple[str, ...]] = []
        self.stdin: list[str] = []
        self.slept = 0.0
        self.while_asleep: list[Callable[[], None]] = []
        self.answer: Answer = answer or (lambda _command, _stdin: (0, ""))
        (root / "dev").mkdir(parents=True, exist_ok=True)
        (root / "dev/console").touch()

    def configure(self, **changes: Any) -> None:
        self.write("etc/nodeseed/config.json", json.dumps({**CONFIG, **changes}))

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        self.commands.append(command)
        self.stdin.append(stdin)
        return self.answer(command, stdin)

    def now(self) -> float:
        return MONDAY + self.slept

    def uptime(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        if self.while_asleep:
            self.while_asleep.pop(0)()
        elif self.slept > 10_000:
            raise AssertionError(f"waits for ever: {self.said}")

    @property
    def said(self) -> str:
        """What the step said last."""
        return str(self.load(STATUS).get(self.step, ""))

    @property
    def console(self) -> list[str]:
        return self.path("dev/console").read_text().splitlines()
