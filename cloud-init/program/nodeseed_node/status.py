"""What every step said last, for somebody who has logged in."""

from __future__ import annotations

import sys

from nodeseed_node.install import RECORD
from nodeseed_node.machine import STATUS, Machine


def status(m: Machine) -> int:
    """Print it, with the revisions that `recover-lock` asks for."""
    config = m.config
    lines = [f"{config['node']} of {config['cluster']}, node revision {m.load(RECORD)['revision']}"]
    if "clusterRevision" in config:
        lines.append(f"cluster revision {config['clusterRevision']}")
    lines += [f"{step}: {text}" for step, text in m.load(STATUS).items()]
    sys.stdout.write("\n".join([*lines, ""]))
    return 0
