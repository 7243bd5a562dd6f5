"""Before haproxy of endpoint node-local: the port is nobody else's.

haproxy would start again and again without it, and say why in its journal alone.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from nodeseed_node.machine import Machine


def endpoint(m: Machine) -> int:
    """Wait until nobody else listens where haproxy is about to."""
    port = urlsplit(m.config["server"]).port
    everywhere = "0.0.0.0", "[::]"  # noqa: S104 - asked for, not bound
    places = " or ".join(f"src {ip}:{port}" for ip in ("127.0.0.1", *everywhere))

    def taken() -> str:
        code, said = m.run("ss", "-Hltnp", places)
        return "" if code or not said else f"port {port} is taken, stop its owner: {said}"

    m.until(taken)
    m.say(f"port {port} is free")
    return 0
