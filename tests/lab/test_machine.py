"""A machine's life, on a Docker that is a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from docker.errors import APIError, NotFound
from requests import Response

from nodeseed_lab.errors import LabError
from nodeseed_lab.explain import explain
from nodeseed_lab.machine import LabMachine


@dataclass
class FakeContainer:
    docker: FakeDocker
    name: str
    body: dict[str, Any]
    status: str = "created"

    @property
    def attrs(self) -> dict[str, Any]:
        return {"Config": self.body}

    def start(self) -> None:
        self.status = "running"

    def stop(self, timeout: int) -> None:
        self.status = "exited"

    def kill(self) -> None:
        self.status = "exited"

    def remove(self, *, force: bool, v: bool = False) -> None:
        assert force
        del self.docker.made[self.name]

    def logs(self, tail: int) -> bytes:
        return b"[\x1b[0;32m  OK  \x1b[0m] Reached target\r\n\r\nHalting system.\r\n"


class FakeDocker:
    """As much of the SDK's client as a machine needs; it is its own containers and volumes."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.containers = self.volumes = self.api = self

    def get(self, name: str) -> FakeContainer:
        if name not in self.made:
            raise NotFound(f"no such thing: {name}")
        return self.made[name]

    def create_container_from_config(self, body: dict[str, Any], name: str) -> None:
        if name in self.made:
            response = Response()
            response.status_code = 409
            raise APIError("conflict", response=response, explanation="name in use")
        self.made[name] = FakeContainer(self, name, body)
        self.made.setdefault("test-cp-1-etcd", FakeContainer(self, "test-cp-1-etcd", {}))


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker()


@pytest.fixture
def machine(docker: FakeDocker) -> LabMachine:
    return LabMachine(
        docker,  # type: ignore[arg-type]
        "cp-1",
        "test-cp-1",
        ("test-cp-1-etcd",),
        lambda cut_off: {"Image": "node:1", "Cmd": cut_off},
    )


def test_power(machine: LabMachine) -> None:
    machine.create()
    machine.start()
    assert machine.state == "running"
    machine.stop()
    assert machine.state == "exited"


def test_what_is_there_is_not_made_again(machine: LabMachine, docker: FakeDocker) -> None:
    machine.create()
    first = docker.made["test-cp-1"]
    machine.create()

    assert docker.made["test-cp-1"] is first


def test_a_machine_of_another_image_is_refused(machine: LabMachine, docker: FakeDocker) -> None:
    machine.create()
    docker.made["test-cp-1"].body = {"Image": "node:0"}

    with pytest.raises(LabError, match="cp-1: its container boots node:0, not node:1; remove"):
        machine.create()


def test_a_wipe_takes_the_disks_and_starts_the_same_machine(
    machine: LabMachine, docker: FakeDocker
) -> None:
    machine.create()
    machine.start()
    before, disk = docker.made["test-cp-1"], docker.made["test-cp-1-etcd"]
    machine.wipe()

    assert machine.state == "running"
    assert docker.made["test-cp-1"] is not before
    assert docker.made["test-cp-1"].body == before.body
    assert docker.made["test-cp-1-etcd"] is not disk


def test_nothing_is_left_after_removal(machine: LabMachine, docker: FakeDocker) -> None:
    machine.create()
    machine.remove()
    machine.remove()

    assert docker.made == {}
    assert machine.state == "absent"


def test_a_machine_that_is_not_there_says_what_to_do(machine: LabMachine) -> None:
    with pytest.raises(LabError, match="cp-1: there is no container test-cp-1; bring the lab up"):
        machine.start()
    assert explain(machine) == ["cp-1: there is no container"]


def test_a_machine_that_is_off_is_explained_by_its_console(machine: LabMachine) -> None:
    machine.create()
    machine.start()
    machine.kill()

    assert explain(machine) == [
        "cp-1: its container is exited; the last lines of its console",
        "    [  OK  ] Reached target",
        "    Halting system.",
    ]
