"""A machine is told from every other, or the cluster file says which are not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Change, design_of
from tests.nodes.changes import assert_refused, aws, put


def matches(*marks: dict[str, Any] | None) -> Change:
    """Give the nodes these matches; None: none."""

    def change(spec: dict[str, Any]) -> None:
        for node, entry in zip(spec["nodes"], marks, strict=True):
            if entry is not None:
                node["match"] = entry

    return change


def pool(count: int, *marks: dict[str, str]) -> Change:
    entry = {"name": "web", "role": "worker", "count": count, "firstAddress": "10.0.0.100"}
    return lambda spec: spec.update(pools=[{**entry, "match": list(marks)}])


GOOD = matches(
    {"mac": "52-54-00-00-00-0A"},
    {"serial": "A1"},
    {"uuid": "4C4C4544-0051-3910-8052-B4C04F4A3132"},
    {"mac": "52:54:00:00:00:0b", "serial": "A2"},
)


def test_marks_are_kept_as_linux_writes_them() -> None:
    design = design_of(GOOD, pool(2, {"serial": "B1"}, {"serial": "B2"}))
    assert [machine.match and machine.match.marks() for machine in design.machines] == [
        {"mac": "52:54:00:00:00:0a"},
        {"serial": "A1"},
        {"uuid": "4c4c4544-0051-3910-8052-b4c04f4a3132"},
        {"mac": "52:54:00:00:00:0b", "serial": "A2"},
        {"serial": "B1"},
        {"serial": "B2"},
    ]


BAD: dict[str, tuple[list[Change], str]] = {
    "one without": (
        [matches({"serial": "A1"}, {"serial": "A2"}, {"serial": "A3"}, None)],
        "nodes[3]: worker-1 has no match, while cp-1 has one; write mac, serial or uuid of every",
    ),
    "nothing in it": (
        [GOOD, put("nodes.1.match", {})],
        "nodes[1]: the match of cp-2 is empty; write mac, serial or uuid",
    ),
    "two the same": (
        [GOOD, put("nodes.1.match", {"mac": "52:54:00:00:00:0A"})],
        "nodes[1]: cp-2 has the mac 52:54:00:00:00:0a of cp-1; write what only this machine has",
    ),
    "no MAC address": (
        [GOOD, put("nodes.0.match.mac", "52:54:00:12:34")],
        "nodes[0].match.mac: '52:54:00:12:34' is no MAC address; write it such as 52:54:00:12:34",
    ),
    "no UUID": (
        [GOOD, put("nodes.0.match.uuid", "4c4c4544")],
        "nodes[0].match.uuid: '4c4c4544' is no UUID; write it as /sys/class/dmi/id/product_uuid",
    ),
    "a serial number without quotes": (
        [GOOD, put("nodes.0.match.serial", 123)],
        "nodes[0].match.serial: 123 is no text; write text, in quotes",
    ),
    "a pool's list too short": (
        [GOOD, pool(2, {"serial": "B1"})],
        "pools[0].match: 1 entries for 2 machines; write one for each machine in turn",
    ),
    "a platform without volumes": (
        [GOOD, aws],
        "nodes[0]: match is for volumes, which Amazon EC2 does not take",
    ),
}


@pytest.mark.parametrize(("changes", "expected"), BAD.values(), ids=list(BAD))
def test_what_tells_nothing_apart_is_refused(changes: list[Change], expected: str) -> None:
    assert_refused(changes, expected)
