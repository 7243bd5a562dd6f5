"""The machines of a cluster: nodes as they are listed, and pools multiplied out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nodeseed.spec.cluster import Cluster, Role, Taint
from nodeseed.spec.fields import Address
from nodeseed.spec.match import Match
from nodeseed.spec.pools import Elastic
from nodeseed.spec.source import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine.

    Attributes:
        name: hostname, node name, and what its certificates are made out to.
        role: what it is in the cluster.
        addresses: its own; the first is the one that others use.
        labels: that the kubelet registers with, the operator's and its zone's.
        taints: that the kubelet registers with.
        match: how a volume for many machines knows it; None: no such volume.
        elastic: set where this stands for all machines of an elastic pool, whose names and
            addresses only they themselves know.
        path: where the cluster file speaks of it.
    """

    name: str
    role: Role
    addresses: tuple[Address, ...]
    labels: tuple[tuple[str, str], ...]
    taints: tuple[Taint, ...]
    match: Match | None = None
    elastic: Elastic | None = None
    path: Path

    @property
    def is_node(self) -> bool:
        """Whether Kubernetes knows it: as a Node with a kubelet, pods and a pod subnet."""
        return self.role in ("control-plane", "worker")

    @property
    def address(self) -> str:
        """The first address, as text; empty for an elastic pool."""
        return str(self.addresses[0]) if self.addresses else ""


def has_kubelet(cluster: Cluster, machine: Machine) -> bool:
    """Whether a machine runs containers: as a Node of Kubernetes, or etcd's static pod."""
    return machine.is_node or (machine.role == "etcd" and cluster.etcd.run == "static-pod")


def machines(cluster: Cluster) -> Iterator[Machine]:
    """Every machine, in the order of the file; pools after nodes."""
    for index, node in enumerate(cluster.nodes):
        yield Machine(
            name=node.name,
            role=node.role,
            addresses=node.address,
            labels=tuple(node.labels.items()),
            taints=node.taints,
            match=node.match,
            path=("nodes", index),
        )
    for index, pool in enumerate(cluster.pools):
        labels = tuple(pool.labels.items())
        for number in range(pool.count or 0) if pool.firstAddress else ():
            yield Machine(
                name=f"{pool.name}-{number + 1}",
                role=pool.role,
                addresses=tuple(_after(first, number) for first in pool.firstAddress or ()),
                labels=labels,
                taints=pool.taints,
                match=pool.match[number] if number < len(pool.match) else None,
                path=("pools", index),
            )


def elastic_pools(cluster: Cluster) -> Iterator[Machine]:
    """What all machines of each elastic pool have in common, in the order of the file."""
    for index, pool in enumerate(cluster.pools):
        if pool.elastic is not None:
            yield Machine(
                name=pool.name,
                role=pool.role,
                addresses=(),
                labels=tuple(pool.labels.items()),
                taints=pool.taints,
                elastic=pool.elastic,
                path=("pools", index),
            )


def _after(first: Address, number: int) -> Address:
    """The address ``number`` places behind ``first``; the last of all where there is none."""
    last = 2**first.max_prefixlen - 1
    return type(first)(min(int(first) + number, last))
