"""How a step is run: by name, and without a traceback for what could be foreseen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from nodeseed_node.machine import Machine


def run(steps: Mapping[str, Callable[[Machine], int]], root: str = "/") -> int:
    """Run the step that the command line names; give the exit code.

    A step that fails says why; its unit starts it again.
    """
    m = Machine(root, sys.argv[1])
    try:
        return steps[m.step](m)
    except (OSError, ValueError, KeyError) as error:
        m.say(f"failed, will be tried again: {error!r}")
        return 1
