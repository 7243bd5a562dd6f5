"""What a load balancer is, as far as the nodes are concerned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from nodeseed.spec.cluster import Role
from nodeseed.spec.fields import Address, Block, OneAddress


class NoOptions(Block):
    """An endpoint without keys of its own."""


class VirtualAddress(Block):
    """Keys of an endpoint whose address moves between nodes."""

    address: OneAddress | None = Field(
        default=None,
        description="The virtual address; it lies in the machines' subnet and belongs to no node. "
        "Not needed where `host` is that address.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Balanced:
    """What is balanced, from the view of one node that balances it.

    Attributes:
        cluster: the cluster's name.
        address: the virtual address; None where there is none.
        port: the endpoint's port.
        api_port: the API servers' port.
        ipv6: whether clients may come over IPv6.
        router_id: 1 to 255, the same for every render of the cluster, likely another for others.
        password: a reference to a secret of eight characters, which only those that balance share.
        node: the node's name.
        balancers: address of each node that balances by name, of the virtual address's family.
        control_planes: address of each control plane by name, of that family too.
        options: the endpoint's own keys.
    """

    cluster: str
    address: Address | None
    port: int
    api_port: int
    ipv6: bool
    router_id: int
    password: str
    node: str
    balancers: dict[str, Address]
    control_planes: dict[str, Address]
    options: Block

    @property
    def beside(self) -> bool:
        """Whether it runs on the machines of the API servers."""
        return self.node in self.control_planes

    @property
    def servers(self) -> dict[str, str]:
        """Where each API server listens, by the name of its node."""
        return {
            name: f"[{address}]:{self.api_port}"
            if address.version == 6
            else f"{address}:{self.api_port}"
            for name, address in self.control_planes.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of the table.

    Attributes:
        name: what the cluster file calls it; ``cloud-init/endpoint-NAME`` holds its files.
        roles: who runs it: all nodes of the first of these roles that the cluster has. Empty where
            the operator's own machine balances.
        beside: the endpoint's port, where the cluster file does not say, if it runs on the control
            planes and can listen there beside API servers at 6443; otherwise 6443. On a control
            plane the endpoint's name means the node itself, so something must listen there.
        options: the keys of the ``endpoint`` block beside those of all; a
            :class:`VirtualAddress` where its address moves between nodes.
        servers: how many API servers there must be, so that there is something to balance.
        ipvs: whether it is the kernel that balances.
        programs: what its nodes need for it, each with the flag that shows its version.
        values: what its files on a node may use beside what all templates may.
        api_server: flags that the API servers need beside it where the ports are equal.
        holder: what its nodes are in the certificate table beside what they are anyhow.
    """

    name: str
    roles: tuple[Role, ...] = ()
    beside: int | None = None
    options: type[Block] = NoOptions
    servers: int = 0
    ipvs: bool = False
    programs: tuple[str, ...] = ()
    values: Callable[[Balanced], dict[str, Any]] | None = None
    api_server: tuple[tuple[str, str], ...] = ()
    holder: str = ""
