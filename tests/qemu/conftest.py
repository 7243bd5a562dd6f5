"""Machines with a kernel of their own, and what cloud-init would have put on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from nodeseed_lab.qemu.booted import booted
from nodeseed_lab.qemu.image import QemuImage, qemu_image
from nodeseed_lab.qemu.machine import QemuMachine, Saved
from tests.integration.conftest import Rendered, render

__all__ = ["render"]  # the same fixture

# The shell knows the network card's name from the folder.
PLUGGED = "cd /sys/class/net && ip address add $1/24 dev e* && ip link set e* up"

Render = Callable[..., Rendered]
MakeMachine = Callable[..., QemuMachine]


@pytest.fixture(scope="session")
def image() -> QemuImage:
    """What machines boot."""
    return qemu_image(print)


@pytest.fixture(scope="session")
def saved(image: QemuImage) -> Saved:
    """A machine that has booted, without user-data."""
    return booted(image, print)


@pytest.fixture
def machine(image: QemuImage, tmp_path: Path) -> Iterator[MakeMachine]:
    """Makes machines; at the test's end they are off."""
    with ExitStack() as stack:

        def make(node: str, **how: Any) -> QemuMachine:
            return stack.enter_context(QemuMachine(node, tmp_path / f"qemu-{node}", image, **how))

        yield make


def connect(machine: QemuMachine, address: str) -> None:
    """Give a machine's only network card an address of a /24."""
    machine.run("sh", "-ec", PLUGGED, "sh", address)


def deliver(machine: QemuMachine, rendered: Rendered) -> None:
    """Do what cloud-init does with a node's user-data, which takes it a minute when emulated."""
    with TemporaryDirectory() as folder:
        rendered.stage(machine.node, Path(folder))
        machine.put_tree(Path(folder))
    machine.run("hostname", machine.node)
    for command in rendered.cloud_config(machine.node)["runcmd"]:
        machine.run("sh", "-c", command)
