"""A worker's kubelet starts once the API answers: one that starts before loses many seconds."""

from __future__ import annotations

from nodeseed_node.https import https
from nodeseed_node.machine import Machine


def ready(m: Machine, seconds: float = float("inf")) -> bool:
    """Wait for the API server that this node uses; a 401 or 403 is an answer too."""
    server = m.config["server"]

    def missing() -> str:
        status = https(m, f"{server}/readyz")[0]
        return "" if status in (200, 401, 403) else f"it says {status}"

    return m.until(missing, seconds, f"waiting for {server}: ")


def wait_api(m: Machine) -> int:
    """Wait for the endpoint, ten minutes at most: a kubelet can wait by itself."""
    m.say("the API answers" if ready(m, 600) else "no API, starting the kubelet anyway")
    return 0
