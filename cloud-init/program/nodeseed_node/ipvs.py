"""The kernel modules of kube-proxy's ipvs mode, before there is a kubelet that could run pods."""

from __future__ import annotations

from nodeseed_node.machine import Machine
from nodeseed_node.modules import have_modules

MODULES = "etc/modules-load.d/nodeseed-ipvs.conf"


def ipvs(m: Machine) -> int:
    """Have them, or say what to do."""
    cure = "boot one that has, or write proxy.mode: nftables"
    return have_modules(m, MODULES, f"kube-proxy's ipvs: {cure}")
