"""What is shown of a machine's console."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nodeseed_lab.screen import Screen, heard


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nodeseed cp-1: etcd: 1 of 3 members up", "etcd: 1 of 3 members up"),
        ("\x1b[0;1;31mnodeseed cp-1: network: done\x1b[0m", "network: done"),
        (
            "[    4.2] cloud-init[61]: Cloud-init v. 25.1.4 running 'modules:final' at now",
            "Cloud-init v. 25.1.4 running 'modules:final' at now",
        ),
        (
            "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39metcd.service\x1b[0m - etcd.",
            "Failed to start etcd.service - etcd.",
        ),
        ("\x1b[!p\x1b]104\x07\x1b[?7hnodeseed cp-1: etcd: joining\r", "etcd: joining"),
        ("[  OK  ] Reached target nodeseed-node.target", None),
        ("", None),
    ],
)
def test_lines_of_a_console(line: str, said: str | None) -> None:
    assert heard(line) == said


def test_without_a_terminal_every_change_is_one_line() -> None:
    text = io.StringIO()
    with Screen(Console(file=text), ["cp-1", "worker-10"]) as screen:
        screen.say("cp-1", "etcd: [bold] 1 of 3")
        screen.say("cp-1", "etcd: [bold] 1 of 3")
        screen.say("worker-10", "wait-api: no answer")

    first, second = text.getvalue().splitlines()
    assert first.endswith(" s  cp-1       etcd: [bold] 1 of 3")
    assert second.endswith(" s  worker-10  wait-api: no answer")


def test_on_a_terminal_every_node_has_a_line() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=60)
    with Screen(console, ["cp-1", "worker-1"]) as screen:
        screen.say("cp-1", "etcd: up")

    assert "etcd: up" in text.getvalue()
    assert "worker-1" in text.getvalue()
