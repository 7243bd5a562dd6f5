"""A load balancer that the operator brings: a cloud's, or a machine of its own."""

from __future__ import annotations

from nodeseed.endpoints.endpoint import Endpoint

ENDPOINT = Endpoint(name="external")
