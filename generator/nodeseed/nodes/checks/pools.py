"""Pools: each is of one kind, and an elastic one can work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.design import node_subnets
from nodeseed.spec.cluster import Pool
from nodeseed.spec.pools import Elastic
from nodeseed.spec.source import Path

SHORTEST: Final = timedelta(hours=48)
LONGEST: Final = timedelta(hours=8760)

# What follows the pool's name: "-" and an instance's ID, of which AWS' are the usual ones.
LONGEST_NAME: Final = 63 - len("-i-0123456789abcdef0")


def pools(whole: Whole) -> Iterator[Problem]:
    """Pools that are counted and pools that are elastic."""
    for index, pool in enumerate(whole.cluster.pools):
        at: Path = ("pools", index)
        counted = pool.count is not None and pool.firstAddress is not None
        if pool.elastic is None:
            if not counted:
                yield whole.problem(
                    at,
                    f"pool {pool.name} says neither how many machines it has nor is it elastic",
                    "write count and firstAddress, or elastic",
                )
            continue
        for field in ("count", "firstAddress", "match"):
            if getattr(pool, field):
                yield whole.problem(
                    (*at, field),
                    f"machines of an elastic pool are not known before they come, but {pool.name} "
                    f"has {field}",
                    f"take {field} out, or elastic",
                )
        yield from _elastic(whole, at, pool, pool.elastic)


def _elastic(whole: Whole, at: Path, pool: Pool, elastic: Elastic) -> Iterator[Problem]:
    cluster = whole.cluster
    if pool.role != "worker":
        yield whole.problem(
            (*at, "role"), f"pool {pool.name} is elastic, and no worker's", "write role: worker"
        )
    if cluster.pki.caKeysOnNodes != "control-plane":
        yield whole.problem(
            (*at, "elastic"),
            "machines of an elastic pool ask the cluster for certificates, which nobody signs",
            "write `pki: {caKeysOnNodes: control-plane}`",
        )
    if elastic.min > elastic.max:
        yield whole.problem(
            (*at, "elastic", "min"),
            f"min {elastic.min} is more than max {elastic.max}",
            f"write at most {elastic.max}",
        )
    if not SHORTEST <= elastic.tokenLifetime <= LONGEST:
        hours = elastic.tokenLifetime // timedelta(hours=1)
        short = elastic.tokenLifetime < SHORTEST
        yield whole.problem(
            (*at, "elastic", "tokenLifetime"),
            f"{hours}h: days are counted from midnight, and machines could not join soon"
            if short
            else f"{hours}h: who finds an old user-data could join for more than a year",
            "write 48h to 8760h",
        )
    yield from _names(whole, at, pool)
    yield from _places(whole, at, pool, elastic)


def _names(whole: Whole, at: Path, pool: Pool) -> Iterator[Problem]:
    """By its name's beginning alone is a machine known as one of the pool."""
    start = f"{pool.name}-"
    if len(pool.name) > LONGEST_NAME:
        yield whole.problem(
            (*at, "name"),
            f"{pool.name} is longer than {LONGEST_NAME} characters: its machines are called "
            f"{start}INSTANCE-ID",
            "shorten it",
        )
    others = [machine.name for machine in whole.machines]
    elastic = [other.name for other in whole.cluster.pools if other.elastic and other is not pool]
    for name in (*others, *elastic):
        if name == pool.name or name.startswith(start):
            yield whole.problem(
                (*at, "name"),
                f"machines of elastic pool {pool.name} are known by the beginning {start}, which "
                f"{name} has, too"
                if name != pool.name
                else f"{name} is there twice",
                "call one of the two otherwise",
            )
            return


def _places(whole: Whole, at: Path, pool: Pool, elastic: Elastic) -> Iterator[Problem]:
    networking = whole.cluster.networking
    zones = [subnet.zone for subnet in networking.subnets if subnet.zone]
    for zone in elastic.zones:
        if zone not in zones:
            yield whole.problem(
                (*at, "elastic", "zones"),
                f"no subnet lies in zone {zone}",
                f"write some of {', '.join(dict.fromkeys(zones))}"
                if zones
                else "write networking.subnets: [{cidr: …, zone: …}]",
            )
    if not node_subnets(whole.cluster):
        yield whole.problem(
            (*at, "elastic"),
            f"nothing says in which subnet machines of pool {pool.name} come up, and only there "
            "do they get certificates",
            "write networking.nodeSubnet or networking.subnets",
        )
    nodes = networking.nodeSubnet or ()
    if networking.cni == "bridge" and any(network.version == 6 for network in nodes):
        yield whole.problem(
            (*at, "elastic"),
            "cni: bridge reaches the first addresses of an IPv6 subnet only, and machines of an "
            "elastic pool have any",
            "write `cni: none` and list a network add-on under manifests:",
        )
