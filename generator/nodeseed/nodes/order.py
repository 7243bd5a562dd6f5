"""In which order machines get what was rendered for them. Pure."""

from __future__ import annotations

from collections.abc import Collection

from nodeseed.nodes.design import Design

# API servers talk to etcd, and a kubelet must not be newer than the API servers.
_ONE_BY_ONE = ("etcd", "control-plane", "load-balancer")
_SHOWN = 10


def order(design: Design, changed: Collection[str]) -> list[str]:
    """How to give machines that live their new user-data; nothing where none of them changes.

    Args:
        design: the cluster.
        changed: names of machines whose content changed since they were made.
    """
    by_role = {
        role: [m.name for m in design.machines if m.role == role and m.name in changed]
        for role in (*_ONE_BY_ONE, "worker")
    }
    careful = [name for role in _ONE_BY_ONE for name in by_role[role]]
    steps = []
    if careful:
        steps.append(f"one at a time, each Ready before the next: {_listed(careful)}")
    if workers := by_role["worker"]:
        steps.append(f"as many workers at once as can be spared: {_listed(workers)}")
    return [f"Replace machines in this order: {'; then '.join(steps)}."] if steps else []


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" … and {more} more" if more > 0 else "")
