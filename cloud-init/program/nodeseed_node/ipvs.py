"""The kernel modules of kube-proxy's ipvs mode, before there is a kubelet that could run pods."""

from __future__ import annotations

from nodeseed_node.machine import Machine

MODULES = "etc/modules-load.d/nodeseed-ipvs.conf"


def ipvs(m: Machine) -> int:
    """Load them; wait, and say so, where the kernel has none."""

    def missing() -> str:
        modules = m.text(MODULES).split()
        lacking = [name for name in modules if m.run("modprobe", name)[0]]
        names = ", ".join(lacking)
        cure = "boot one that has, or write proxy.mode: nftables"
        return f"the kernel lacks {names} for kube-proxy's ipvs: {cure}" if lacking else ""

    m.until(missing)
    m.say("the kernel has all modules")
    return 0
