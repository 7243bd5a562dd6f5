"""Releases of Kubernetes and etcd."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.spec.versions import ETCD, KUBERNETES, minor_of, parse_version


def versions(whole: Whole) -> Iterator[Problem]:
    """Kubernetes and etcd are releases that nodeseed knows, and fit each other."""
    wanted = whole.cluster.kubernetes.version
    known = list(KUBERNETES)
    if minor_of(wanted) not in KUBERNETES:
        yield whole.problem(
            ("kubernetes", "version"),
            f"Kubernetes {wanted} is not supported",
            f"write a release of {known[0]} to {known[-1]}",
        )
    etcd = whole.cluster.etcd.version
    if etcd is not None:
        release = ETCD.get(minor_of(etcd))
        if release is None or parse_version(etcd) < release.minimum:
            least = ", ".join(".".join(str(part) for part in row.minimum) for row in ETCD.values())
            yield whole.problem(
                ("etcd", "version"),
                f"etcd {etcd} is not supported",
                f"write a release from one of these on: {least}",
            )
