"""etcd's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.etcd import DEFAULT_QUOTA
from nodeseed.spec.fields import in_bytes

LEAST, MOST = "256Mi", "8Gi"  # MOST: etcd.io, System limits

# Flags that a field of the block writes.
FIELDS: Final = {"quota-backend-bytes": "quota", "listen-metrics-urls": "metrics"}


def etcd(whole: Whole) -> Iterator[Problem]:
    """The quota is one that etcd can live with, and nothing is said twice."""
    block = whole.cluster.etcd
    if block.quota and not in_bytes(LEAST) <= in_bytes(block.quota) <= in_bytes(MOST):
        small = in_bytes(block.quota) < in_bytes(LEAST)
        yield whole.problem(
            ("etcd", "quota"),
            f"{block.quota}: a new cluster needs tens of Mi, and a full etcd takes no writes"
            if small
            else f"{block.quota} is more than etcd's guide allows: recovery takes too long",
            f"write {LEAST} to {MOST}",
        )
    for index, argument in enumerate(block.extraArgs):
        field = FIELDS.get(argument.name)
        if field and field in block.model_fields_set:
            yield whole.problem(
                ("etcd", "extraArgs", index),
                f"etcd.{field} says it, too",
                f"take one of the two out; etcd.{field} is checked",
            )
    care = block.maintenance
    quota = in_bytes(block.quota) if block.quota else DEFAULT_QUOTA
    if care and in_bytes(care.minimumGain) >= quota:
        yield whole.problem(
            ("etcd", "maintenance", "minimumGain"),
            f"{care.minimumGain} is all that etcd may hold: it would never be defragmented",
            f"write less than {quota >> 20}Mi; 100Mi is the default",
        )
