"""haproxy on every worker, for that worker alone: nothing outside the machines that use it.

On workers the endpoint's name means 127.0.0.1, where haproxy sends each connection to an API server
that is ready. People resolve the name in DNS, to the addresses of the control planes.
"""

from __future__ import annotations

from typing import Any

from nodeseed.endpoints.endpoint import Balanced, Endpoint


def values(balanced: Balanced) -> dict[str, Any]:
    """What haproxy.cfg is made from."""
    return {"bind": f"127.0.0.1:{balanced.port}", "servers": balanced.servers}


ENDPOINT = Endpoint(name="node-local", roles=("worker",), programs=("haproxy -v",), values=values)
