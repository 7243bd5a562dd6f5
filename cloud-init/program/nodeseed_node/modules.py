"""Kernel modules that somebody will need, loaded before that."""

from __future__ import annotations

from nodeseed_node.machine import Machine


def have_modules(m: Machine, file: str, what: str) -> int:
    """Load what a file of modules-load.d names; wait, and say so, where the kernel has none.

    Args:
        m: The machine.
        file: Where it is.
        what: What they are for, and the way out.
    """

    def missing() -> str:
        names = ", ".join(name for name in m.text(file).split() if m.run("modprobe", name)[0])
        return names and f"the kernel lacks {names} for {what}"

    m.until(missing)
    m.say("the kernel has all modules")
    return 0
