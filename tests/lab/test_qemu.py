"""QEMU machines, as far as they can be told without one."""

from __future__ import annotations

import json
import platform
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeseed_lab.errors import LabError
from nodeseed_lab.qemu.architecture import ARCHITECTURES, here
from nodeseed_lab.qemu.channel import Channel, ChannelError
from nodeseed_lab.qemu.hardware import Cable, Disk, UserNetwork, network_card, seed_volume
from nodeseed_lab.qemu.image import QemuImage
from nodeseed_lab.qemu.machine import QemuMachine


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel()
    yield made
    made.close()


def answer(channel: Channel, *answers: dict[str, Any]) -> list[dict[str, Any]]:
    """Answer the next command as QEMU would; give a list that then holds what was asked."""
    other = socket.socket(fileno=channel.theirs.detach())
    asked: list[dict[str, Any]] = []

    def speak() -> None:
        with other:
            asked.append(json.loads(other.recv(1 << 16)))
            for each in answers:
                other.sendall(json.dumps(each).encode() + b"\r\n")

    threading.Thread(target=speak).start()
    return asked


def test_events_between_a_question_and_its_answer_are_passed_over(channel: Channel) -> None:
    asked = answer(channel, {"event": "STOP"}, {"return": {"status": "paused"}})
    assert channel.ask("blockdev-del", node_name="a") == {"status": "paused"}
    assert asked == [{"execute": "blockdev-del", "arguments": {"node-name": "a"}}]


def test_a_no_is_an_error(channel: Channel) -> None:
    answer(channel, {"error": {"class": "GenericError", "desc": "Node 'a' is in use"}})
    with pytest.raises(ChannelError, match="cont: Node 'a' is in use"):
        channel.ask("cont")


def test_silence_and_absence_are_errors(channel: Channel) -> None:
    with pytest.raises(ChannelError, match=r"no answer within 0\.01 s"):
        channel.ask("cont", 0.01)
    channel.given()
    with pytest.raises(ChannelError):
        channel.receive(1)


def test_a_disk_has_its_serial_number_wherever_it_is_named() -> None:
    part = Disk("data-1", Path("/images/data-1.qcow2")).part
    assert part.kind == "blockdev"
    assert part.backend["node-name"] == part.device["drive"] == part.device["serial"] == "data-1"


def test_what_cloud_init_reads_is_a_volume_that_cannot_be_written_to(tmp_path: Path) -> None:
    part = seed_volume(tmp_path)
    assert part.backend["label"] == "CIDATA"
    assert part.backend["read-only"]
    image = tmp_path / "cp-1.iso"
    image.touch()
    part = seed_volume(image)
    assert part.backend["driver"] == "raw"
    assert part.backend["read-only"]


def test_no_two_network_cards_have_one_address() -> None:
    cards = [network_card(Cable(18000), node, number) for node in ("a", "b") for number in range(3)]
    assert len({card.device["mac"] for card in cards}) == len(cards)
    assert len({card.backend["id"] for card in cards}) == 3


def test_the_router_is_at_the_first_address() -> None:
    assert UserNetwork("10.0.0.0/24", "10.0.0.21").backend["host"] == "10.0.0.1"


def test_each_architecture_is_one_row() -> None:
    assert {row.debian for row in ARCHITECTURES.values()} == {"amd64", "arm64"}


def test_other_processors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(LabError, match="for x86_64 and aarch64, not for riscv64"):
        here()


def test_a_machine_that_is_off_says_so(tmp_path: Path) -> None:
    machine = QemuMachine("cp-1", tmp_path / "cp-1", QemuImage(tmp_path))
    with pytest.raises(LabError, match="cp-1: is not on"):
        machine.run("true")
    assert machine.console == ""
