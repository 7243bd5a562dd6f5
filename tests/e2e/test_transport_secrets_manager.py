"""A cluster that boots through Secrets Manager, which comes later, and leaves nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nodeseed_lab.lab import Lab
from tests.e2e.amazon import ON_LINK, Amazon, fetch_says, fetched, remove
from tests.e2e.boots import no_user_data_kept, settled
from tests.e2e.conftest import Ground, derived
from tests.e2e.workload import eventually

IMAGE = "nodeseed-lab/on-link:e2e"


def secrets_manager(spec: dict[str, Any]) -> None:
    fetched(spec, "secrets-manager", deleteAfterRead=True)
    spec["nodes"] = [spec["nodes"][0], spec["nodes"][3]]


@pytest.fixture(scope="module")
def amazon(ground: Ground, image: str) -> Iterator[Amazon]:
    """One control plane and one worker, Ready."""
    remove("e2e-secrets")
    with derived(image, IMAGE, ON_LINK) as tag:
        lab = ground.prepare("e2e-secrets", 32, secrets_manager, tag)
        lab.boot()
        for name, machine in lab.machines.items():
            eventually(
                f"{name} misses the metadata service",
                lambda m=machine: "metadata service: " in fetch_says(m),
            )
        made = Amazon(lab)
        with made.on():
            made.publish()
            lab.wait_ready()
            yield made


@pytest.fixture(scope="module")
def cluster(amazon: Amazon) -> Lab:
    return amazon.lab


def test_it_boots_as_soon_as_it_can_fetch(cluster: Lab) -> None:
    for machine in cluster.machines.values():
        eventually("its payload came", lambda m=machine: fetch_says(m) == "revision 1 is here")
        no_user_data_kept(machine)


def test_each_node_deletes_what_it_has_installed(cluster: Lab, amazon: Amazon) -> None:
    eventually("nothing is left in the store", lambda: amazon.names() == set())
    for machine in cluster.machines.values():
        eventually(
            f"{machine.node} says so",
            lambda m=machine: "is deleted" in m.steps().get("delete-payload", ""),
        )


def test_a_replacement_waits_until_its_payload_is_published_again(
    cluster: Lab, amazon: Amazon
) -> None:
    machine = cluster.machines["worker-1"]
    machine.wipe()
    eventually(
        "it says what it waits for",
        lambda: "not there: run nodeseed publish" in fetch_says(machine),
    )
    assert amazon.publish(machine.node).uploaded
    settled(cluster, machine.node)
    eventually("nothing is left in the store", lambda: amazon.names() == set())
