"""The kernel modules of endpoint lvs-keepalived, before keepalived, which ends without them."""

from __future__ import annotations

from nodeseed_node.machine import Machine
from nodeseed_node.modules import have_modules


def lvs(m: Machine) -> int:
    """Have them, or say what to do."""
    cure = "boot one that has, or choose another endpoint.provider"
    return have_modules(m, "etc/modules-load.d/nodeseed-lvs.conf", f"IPVS: {cure}")
