"""What is missing until a cluster works, from the API's own answers."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed_lab.api import missing_dns, missing_nodes

NOT_READY = {"type": "Ready", "status": "False", "message": "cni plugin not initialized"}
READY = {"type": "Ready", "status": "True"}


def node(name: str, *conditions: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"conditions": list(conditions)}}


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([node("a", READY), node("b", READY)], ""),
        ([], "0 of 2 nodes Ready; not registered: a, b"),
        ([node("a", READY)], "1 of 2 nodes Ready; not registered: b"),
        ([node("a", READY), node("b")], "1 of 2 nodes Ready; b: no word yet"),
        (
            [node("a", READY), node("b", NOT_READY)],
            "1 of 2 nodes Ready; b: cni plugin not initialized",
        ),
    ],
)
def test_nodes(items: list[dict[str, Any]], said: str) -> None:
    assert missing_nodes({"items": items}, ["a", "b"]) == said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "CoreDNS: 0 of 2 replicas available"),
        ({"availableReplicas": 1}, "CoreDNS: 1 of 2 replicas available"),
        ({"availableReplicas": 2}, ""),
    ],
)
def test_dns(status: dict[str, int], said: str) -> None:
    assert missing_dns({"spec": {"replicas": 2}, "status": status}) == said
