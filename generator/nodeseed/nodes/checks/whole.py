"""What checks look at, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from nodeseed.endpoints.endpoint import Endpoint
from nodeseed.errors import Problem
from nodeseed.nodes.design import balancers, etcd_members
from nodeseed.nodes.machine import Machine
from nodeseed.platforms.platform import Platform
from nodeseed.spec.cluster import Cluster
from nodeseed.spec.fields import Block
from nodeseed.spec.source import Path, Source
from nodeseed.transports.transport import Transport


@dataclass(frozen=True, eq=False)
class Whole:
    """What checks look at."""

    source: Source
    cluster: Cluster
    machines: tuple[Machine, ...]
    platform: Platform | None
    options: Block | None
    endpoint: Endpoint | None
    endpoint_options: Block | None
    manifests: Mapping[str, str]
    transport: Transport | None
    transport_options: Block | None

    def problem(self, path: Path, rule: str, cure: str) -> Problem:
        """A problem with file and line."""
        return self.source.problem(path, rule, cure)

    @cached_property
    def members(self) -> tuple[Machine, ...]:
        """The machines that run etcd."""
        return etcd_members(self.machines)

    @cached_property
    def balancers(self) -> tuple[Machine, ...]:
        """The machines that run the load balancer."""
        return balancers(self.endpoint, self.machines) if self.endpoint else ()


Check = Callable[[Whole], Iterator[Problem]]
