"""What a command printed in a container, where Docker loses some of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from docker.errors import APIError
from docker.models.containers import Container, ExecResult

from nodeseed_lab.container_exec import AGAIN, RUN, run_in

WHOLE = b"table inet metadata\n"


class Losing:
    """A container whose exec loses what a list says; it counts how often the command ran."""

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)
        self.ran: list[str] = []

    def exec_run(self, command: Sequence[str]) -> ExecResult:
        self.ran.append(command[2])
        answer = self._answers.pop(0)
        if answer is None:
            raise APIError("container is not running")
        return ExecResult(3 if command[2] == RUN else 0, answer)


def ran(container: Any) -> tuple[int, bytes]:
    return run_in(cast("Container", container), ["nft", "list", "ruleset"])


@pytest.mark.parametrize("lost", [(), (b"",), (b"table in",), (WHOLE, b"")])
def test_what_was_lost_is_asked_for_again_and_nothing_runs_twice(lost: tuple[bytes, ...]) -> None:
    container = Losing(*lost, WHOLE + b"\4")
    assert ran(container) == (3, WHOLE)
    assert container.ran == [RUN, *[AGAIN] * len(lost)]


def test_a_container_that_goes_meanwhile_has_said_what_it_has() -> None:
    assert ran(Losing(b"table", None)) == (3, b"table")
