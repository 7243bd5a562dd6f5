"""Before keepalived of endpoint lvs-keepalived: the kernel can balance."""

from __future__ import annotations

from nodeseed_node.machine import Machine


def lvs(m: Machine) -> int:
    """Load the modules; wait, and say so, where the kernel has none."""
    modules = m.text("etc/modules-load.d/nodeseed-lvs.conf").split()

    def missing() -> str:
        lacking = ", ".join(name for name in modules if m.run("modprobe", name)[0])
        return lacking and f"the kernel lacks {lacking}: boot one that has it"

    m.until(missing)
    m.say("the kernel has all modules")
    return 0
