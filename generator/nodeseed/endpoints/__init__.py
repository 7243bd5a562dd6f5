"""How workers and people reach the API servers: a module for each load balancer, one table."""

from __future__ import annotations

from typing import Final

from nodeseed.endpoints import external, haproxy_keepalived, kube_vip, lvs_keepalived, node_local
from nodeseed.endpoints.endpoint import Endpoint

ENDPOINTS: Final[dict[str, Endpoint]] = {
    module.ENDPOINT.name: module.ENDPOINT
    for module in (external, haproxy_keepalived, lvs_keepalived, kube_vip, node_local)
}
