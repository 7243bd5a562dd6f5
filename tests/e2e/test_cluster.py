"""Machines that boot with their user-data are a cluster: nothing else was done to them."""

from __future__ import annotations

import json
from typing import Any

from nodeseed_lab.lab import Lab


def items(cluster: Lab, *what: str) -> list[dict[str, Any]]:
    """Objects as the API gives them."""
    found: list[dict[str, Any]] = json.loads(cluster.kubectl("get", *what, "--output=json"))[
        "items"
    ]
    return found


def test_every_node_of_the_cluster_file_is_ready(cluster: Lab) -> None:
    ready = {
        node["metadata"]["name"]: condition["status"]
        for node in items(cluster, "nodes")
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    }

    assert ready == {
        "cp-1": "True",
        "cp-2": "True",
        "cp-3": "True",
        "worker-1": "True",
        "worker-2": "True",
    }


def test_no_ca_key_lies_on_any_node(cluster: Lab) -> None:
    for machine in cluster.machines.values():
        found = machine.run("find", "/etc", "/var/lib", "/run", "-xdev", "-name", "*ca.key")
        assert found == "", machine.node


def test_no_unit_was_started_again(cluster: Lab) -> None:
    for machine in cluster.machines.values():
        shown = machine.run("systemctl", "show", "--property=NRestarts", "nodeseed*", "etcd")
        assert set(shown.split()) <= {"NRestarts=0"}, machine.node
