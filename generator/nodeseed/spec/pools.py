"""Elastic pools: the ``pools[].elastic`` block of the cluster file."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from nodeseed.spec.fields import Block, Duration, Line, Unique


class Elastic(Block):
    """How many machines a pool may have, where they may be, and how long its token is good."""

    min: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=0, description="How many machines there are at least."
    )
    max: Annotated[int, Field(ge=1, le=100_000)] = Field(
        description="How many there are at most; the pod subnet must have room for them."
    )
    zones: Annotated[tuple[Line, ...], Field(strict=False), Unique] = Field(
        default=(), description="Zones of `networking.subnets` to use. Default: all of them."
    )
    tokenLifetime: Duration = Field(  # noqa: N815
        default_factory=lambda: timedelta(hours=2160),
        description="How long the token in the pool's user-data lets machines join: from the day "
        "of the first render, or of `nodeseed renew --node POOL`. 48h to 8760h.",
    )
