"""Ways to change the valid cluster file, and what every refusal of it has in common."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed.errors import SpecError
from tests.conftest import Change, design_of

WORKER = {"name": "worker-2", "role": "worker", "address": "10.0.0.22"}

# Where keepalived asks haproxy.
HEALTH = "bind unix@/run/nodeseed/haproxy.sock mode 666"


def add(*nodes: dict[str, Any]) -> Change:
    """Nodes besides the four that are there."""
    return lambda spec: spec["nodes"].extend(nodes)


def put(path: str, value: Any) -> Change:
    """Set ``a.b.0.c`` of a cluster file."""

    def change(spec: dict[str, Any]) -> None:
        *way, last = path.split(".")
        at: Any = spec
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        if isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value

    return change


def drop(path: str) -> Change:
    def change(spec: dict[str, Any]) -> None:
        *way, last = path.split(".")
        at: Any = spec
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        del at[int(last) if isinstance(at, list) else last]

    return change


def aws(spec: dict[str, Any]) -> None:
    spec["platform"] = {"name": "aws", "region": "eu-central-1"}
    del spec["networking"]["nodeSubnet"]
    spec["networking"]["subnets"] = [{"cidr": "10.0.0.0/24", "zone": "eu-central-1a"}]


def assert_refused(changes: list[Change], expected: str) -> None:
    """One line says what was expected; every problem has file, line and cure."""
    with pytest.raises(SpecError) as refused:
        design_of(*changes)
    lines = str(refused.value).splitlines()
    assert any(expected in line for line in lines), "\n".join(lines)
    for problem in refused.value.problems:
        assert problem.file == "test.yaml"
        assert problem.line is not None
        assert problem.cure
