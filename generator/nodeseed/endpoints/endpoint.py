"""What a load balancer is, as far as the nodes are concerned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodeseed.spec.fields import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of the table.

    Attributes:
        name: what the cluster file calls it.
        ports: ``equal``: nothing but the API server listens on a control plane, so there the
            endpoint's name, which means the node itself, needs the API server's own port.
        options: the keys of the ``endpoint`` block beside host, port and provider.
    """

    name: str
    ports: Literal["equal"]
    options: type[Block]
