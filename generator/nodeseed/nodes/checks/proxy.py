"""kube-proxy's mode and the fields that belong to it."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.proxy import PROXY_MODES, SCHEDULERS, scheduler
from nodeseed.spec.versions import KUBERNETES, minor_of


def proxy(whole: Whole) -> Iterator[Problem]:
    """The configuration speaks of the mode that kube-proxy runs in."""
    cluster, at = whole.cluster, ("proxy", "configuration")
    release = KUBERNETES.get(minor_of(cluster.kubernetes.version))
    if release is None:
        return
    mode = cluster.proxy.mode or release.proxy_mode
    read = PROXY_MODES[mode].sections
    sections = {section for row in PROXY_MODES.values() for section in row.sections}
    for name in cluster.proxy.configuration:
        if name in sections and name not in read:
            yield whole.problem(
                (*at, name),
                f"nobody would read it: kube-proxy's mode is {mode}",
                f"write {' or '.join(read)}, or `proxy.mode: {name}`",
            )
    chosen = scheduler(cluster.proxy.configuration)
    if mode == "ipvs" and chosen not in SCHEDULERS:
        yield whole.problem(
            (*at, "ipvs", "scheduler"),
            f"Linux has no IPVS scheduler {chosen!r}",
            f"write one of {', '.join(SCHEDULERS)}",
        )
