"""What the operator adds: files, and keys of people."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.spec.source import Path


def own_files(whole: Whole) -> Iterator[Problem]:
    """The operator's files keep out of what nodeseed and Kubernetes write themselves."""
    seen: set[str] = set()
    for index, file in enumerate(whole.cluster.files):
        at: Path = ("files", index, "path")
        if file.path.startswith(("/var/lib/nodeseed/", "/etc/nodeseed/", "/etc/kubernetes/")):
            yield whole.problem(
                at, f"{file.path} lies where nodeseed writes", "choose another place"
            )
        if file.path in seen:
            yield whole.problem(at, f"{file.path} is there twice", "keep one of the two")
        seen.add(file.path)


def keys_of_people(whole: Whole) -> Iterator[Problem]:
    """cloud-init takes user-data for MIME where its first 4,096 bytes say so (user_data.py)."""
    for index, key in enumerate(whole.cluster.ssh.authorizedKeys):
        if "mime-version:" in key.lower():
            yield whole.problem(
                ("ssh", "authorizedKeys", index),
                "cloud-init would read the whole user-data as a mail because of `mime-version:`",
                "change the key's comment",
            )
