"""A worker's kubelet starts once the API answers: one that starts before loses many seconds."""

from __future__ import annotations

from nodeseed_node.https import https
from nodeseed_node.machine import Machine


def ready(m: Machine, seconds: float = float("inf")) -> bool:
    """Wait for the API server that this node uses; a 401 is an answer too, and a 403 that stays.

    A new one says 403 until it has made its roles, and work for it only makes that last longer.
    """
    server = m.config["server"]
    late = m.uptime() + 90

    def missing() -> str:
        status = https(m, f"{server}/readyz")[0]
        return "" if status in (200, 401, m.uptime() > late and 403) else f"it says {status}"

    return m.until(missing, seconds, f"waiting for {server}: ")


def wait_api(m: Machine) -> int:
    """Wait for the endpoint, ten minutes at most: a kubelet can wait by itself."""
    m.say("the API answers" if ready(m, 600) else "no API, starting the kubelet anyway")
    return 0
