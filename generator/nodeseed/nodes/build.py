"""From a cluster file to a checked design: all problems at once, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nodeseed.endpoints import ENDPOINTS
from nodeseed.errors import Problem, SpecError
from nodeseed.nodes.checks import CHECKS, Whole
from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine, elastic_pools, machines
from nodeseed.platforms import PLATFORMS
from nodeseed.spec.cluster import Cluster
from nodeseed.spec.fields import Block
from nodeseed.spec.load import Document, validated
from nodeseed.transports import TRANSPORTS


def build(document: Document, manifests: Mapping[str, str]) -> Design:
    """Check a cluster file as a whole and work out its machines.

    Args:
        document: the cluster file, of good form.
        manifests: content of each file that it names under ``manifests``.

    Raises:
        SpecError: every problem, those of form that are left included.
    """
    cluster = document.cluster
    problems = list(document.problems)
    platform = PLATFORMS.get(cluster.platform.name)
    endpoint = ENDPOINTS.get(cluster.endpoint.provider)
    options, found = _options(document, "platform", platform.options if platform else None)
    problems += found
    endpoint_options, found = _options(document, "endpoint", endpoint.options if endpoint else None)
    problems += found
    transport = TRANSPORTS.get(cluster.transport.name)
    transport_options, found = _options(
        document, "transport", transport.options if transport else None
    )
    problems += found
    everyone = tuple(_with_zone(cluster, machine) for machine in machines(cluster))
    whole = Whole(
        document.source,
        cluster,
        everyone,
        platform,
        options,
        endpoint,
        endpoint_options,
        manifests,
        transport,
        transport_options,
    )
    for check in CHECKS:
        problems += check(whole)
    if (
        problems
        or platform is None
        or options is None
        or endpoint is None
        or endpoint_options is None
        or transport is None
        or transport_options is None
    ):
        raise SpecError(sorted(_few(problems), key=lambda problem: problem.line or 0))
    return Design(
        cluster,
        platform,
        options,
        endpoint,
        endpoint_options,
        everyone,
        manifests,
        transport,
        transport_options,
        tuple(_with_zone(cluster, pool) for pool in elastic_pools(cluster)),
    )


def _options(
    document: Document, block: str, model: type[Block] | None
) -> tuple[Block | None, list[Problem]]:
    """A provider's own keys, checked by the provider's own model."""
    if model is None:
        return None, []
    data: dict[str, Any] = getattr(document.cluster, block).options()
    return validated(model, document.source, (block,), data)


def _with_zone(cluster: Cluster, machine: Machine) -> Machine:
    """The machine with the labels that follow from its subnet; the operator's own ones win."""
    labels: dict[str, str] = {}
    region = cluster.platform.options().get("region")
    if isinstance(region, str):
        labels["topology.kubernetes.io/region"] = region
    for subnet in cluster.networking.subnets:
        if subnet.zone and any(
            address in network for address in machine.addresses[:1] for network in subnet.cidr
        ):
            labels["topology.kubernetes.io/zone"] = subnet.zone
    if not machine.is_node or not labels:
        return machine
    labels.update(machine.labels)
    return replace(machine, labels=tuple(labels.items()))


def _few(problems: list[Problem]) -> list[Problem]:
    """At most three problems for each place: a pool of thousands says one thing once."""
    seen: dict[tuple[str, int | None], int] = {}
    few = []
    for problem in problems:
        place = (problem.path, problem.line)
        seen[place] = seen.get(place, 0) + 1
        if seen[place] <= 3:
            few.append(problem)
    return few
