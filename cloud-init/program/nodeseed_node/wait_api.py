"""A worker's kubelet starts once the API answers: one that starts before loses many seconds."""

from __future__ import annotations

from nodeseed_node.https import https
from nodeseed_node.machine import Machine


def answers(m: Machine, server: str) -> str:
    """What is wrong with an API server; a 401 or 403 is an answer too."""
    status = https(m, f"{server}/readyz")[0]
    return "" if status in (200, 401, 403) else f"it says {status}"


def wait_api(m: Machine) -> int:
    """Wait for the endpoint, ten minutes at most: a kubelet can wait by itself."""
    server = m.config["endpoint"]
    came = m.until(lambda: answers(m, server), 600, f"waiting for {server}: ")
    m.say("the API answers" if came else f"no answer from {server}, starting the kubelet anyway")
    return 0
