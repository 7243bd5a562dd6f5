"""Places in rendered text that something secret, or something that changes, goes into.

Everything is rendered once, with references instead of keys, certificates and revisions. The digest
of a node is taken over that text (so nothing that comes from the seed is in it, and a revision
changes no digest); only then are the references replaced by what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from nodeseed.spec.source import RESERVED

# Reserved: no text of the operator may hold them, or it could ask for a key.
OPEN, CLOSE = RESERVED[0], RESERVED[1]
_REFERENCE = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")


def reference(kind: str, name: str = "") -> str:
    """A reference, for use in text."""
    return f"{OPEN}{kind}:{name}{CLOSE}"


def is_reference(text: str) -> bool:
    """Whether the text is a reference and nothing else."""
    return _REFERENCE.fullmatch(text) is not None


def resolve(text: str, meaning: Callable[[str, str], str]) -> str:
    """``text`` with each reference replaced by ``meaning(kind, name)``."""

    def replace(found: re.Match[str]) -> str:
        kind, _, name = found[1].partition(":")
        return meaning(kind, name)

    return _REFERENCE.sub(replace, text)


CLUSTER_ID = reference("cluster-id")
NODE_REVISION = reference("node-revision")
CLUSTER_REVISION = reference("cluster-revision")
ETCD_TOKEN = reference("etcd-token")
TREE = reference("tree")  # digest of all that is staged, by which the node knows it is complete
VRRP_PASSWORD = reference("vrrp")  # what load balancers with one virtual address share
