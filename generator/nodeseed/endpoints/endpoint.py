"""What a load balancer is, as far as the nodes are concerned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from nodeseed.spec.fields import Address, Block, OneAddress


class VirtualAddress(Block):
    """Keys of an endpoint whose address moves between the control planes."""

    address: OneAddress | None = Field(
        default=None,
        description="The virtual address; it lies in the machines' subnet and belongs to no node. "
        "Not needed where `host` is that address.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Balanced:
    """What is balanced, from the view of one control plane.

    Attributes:
        cluster: the cluster's name.
        address: the virtual address; None where the load balancer is the operator's.
        port: the endpoint's port.
        api_port: the API servers' port.
        ipv6: whether clients may come over IPv6.
        router_id: 1 to 255, the same for every render of the cluster, likely another for others.
        password: a reference to a secret of eight characters, which only control planes share.
        node: the control plane's name.
        control_planes: address of each control plane by name, of the virtual address's family.
    """

    cluster: str
    address: Address | None
    port: int
    api_port: int
    ipv6: bool
    router_id: int
    password: str
    node: str
    control_planes: dict[str, Address]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of the table.

    Attributes:
        name: what the cluster file calls it; ``cloud-init/endpoint-NAME`` holds its files.
        port: the endpoint's port where the cluster file does not say.
        apart: pairs of endpoint's and API server's port that work beside equal ports. On a control
            plane the endpoint's name means the node itself, so something must listen there.
        options: the keys of the ``endpoint`` block beside host, port and provider; a
            :class:`VirtualAddress` where its address moves between the control planes.
        programs: what control planes need for it, each with the flag that shows its version; a
            program is called as its Debian package.
        values: what its files on a control plane may use beside what all templates may.
        api_server: flags that the API servers need beside it where the ports are equal.
    """

    name: str
    port: int = 6443
    apart: tuple[tuple[int, int], ...] = ()
    options: type[Block]
    programs: tuple[str, ...] = ()
    values: Callable[[Balanced], dict[str, Any]] | None = None
    api_server: tuple[tuple[str, str], ...] = ()
