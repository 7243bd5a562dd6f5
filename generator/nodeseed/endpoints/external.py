"""A load balancer that the operator brings: a cloud's, or a machine of its own."""

from __future__ import annotations

from nodeseed.endpoints.endpoint import Endpoint
from nodeseed.spec.fields import Block


class Options(Block):
    """An external load balancer has no keys of its own."""


ENDPOINT = Endpoint(name="external", options=Options)
