"""Algorithms and lifetimes of keys and certificates."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.pki.keys import DERIVABLE
from nodeseed.spec.source import Path
from nodeseed.spec.versions import KUBERNETES, minor_of


def key_algorithms(whole: Whole) -> Iterator[Problem]:
    """Only P-256 keys can be derived; kubeadm must know the algorithm, too."""
    release = KUBERNETES.get(minor_of(whole.cluster.kubernetes.version))
    for klass, settings in whole.cluster.pki.classes:
        at: Path = ("pki", "classes", klass, "algorithm")
        if whole.cluster.pki.keys == "derived" and settings.algorithm not in DERIVABLE:
            yield whole.problem(
                at, f"{settings.algorithm} keys cannot be derived", "write `pki.keys: stored`"
            )
        if release and settings.algorithm not in release.encryption_algorithms:
            yield whole.problem(
                at,
                f"kubeadm {whole.cluster.kubernetes.version} does not know {settings.algorithm}",
                f"use one of {', '.join(release.encryption_algorithms)}",
            )
        if klass != "ca" and settings.lifetime > whole.cluster.pki.classes.ca.lifetime:
            yield whole.problem(
                ("pki", "classes", klass, "lifetime"),
                "the certificates would outlive their CA",
                "shorten it, or lengthen pki.classes.ca.lifetime",
            )
