"""The control plane without kubeadm, the folder of keys and certificates, and static tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.objects import objects
from nodeseed.pki.certificates import PKI
from nodeseed.spec.source import Path

# Folders with another meaning; those below them, too.
_TAKEN: Final = (
    "/boot",
    "/dev",
    "/etc/containerd",
    "/etc/kubernetes",
    "/etc/nodeseed",
    "/etc/ssl",
    "/etc/systemd",
    "/proc",
    "/run",
    "/sys",
    "/tmp",  # noqa: S108 - not used, refused
    "/usr",
    "/var/lib/cloud",
    "/var/lib/containerd",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/nodeseed",
    "/var/run",
    "/var/tmp",  # noqa: S108 - not used, refused
)


def directory(whole: Whole) -> Iterator[Problem]:
    """Keys and certificates have a folder of their own, which pods see as a whole."""
    wanted, at = whole.cluster.pki.directory, ("pki", "directory")
    if wanted == PKI:
        return
    cure = f"write a folder of its own, such as /srv/kubernetes, or leave it out for {PKI}"
    if not re.fullmatch(r"(/[A-Za-z0-9][A-Za-z0-9._-]*){2,}", wanted):
        yield whole.problem(
            at, f"{wanted} has characters other than A-Z, a-z, 0-9, ., _, -, or one part only", cure
        )
    for taken in _TAKEN:
        if f"{wanted}/".startswith(f"{taken}/") or taken.startswith(f"{wanted}/"):
            yield whole.problem(at, f"{wanted} overlaps {taken}, which has another meaning", cure)
    for index, file in enumerate(whole.cluster.files):
        if file.path.startswith(f"{wanted}/"):
            yield whole.problem(
                ("files", index, "path"),
                f"{file.path} lies where nodeseed writes",
                "choose another place",
            )


def manifests(whole: Whole) -> Iterator[Problem]:
    """Without kubectl on the nodes, objects are read here."""
    if whole.cluster.controlPlane.manifests != "rendered":
        return
    for index, name in enumerate(whole.cluster.manifests):
        try:
            list(objects(whole.manifests[name]))
        except ValueError as error:
            yield whole.problem(
                ("manifests", index), f"{name}: {error}", "write what `kubectl apply` takes"
            )


def tokens(whole: Whole) -> Iterator[Problem]:
    """Each user has one token, and no flag of the operator's comes between."""
    server = whole.cluster.apiServer
    users: set[str] = set()
    for index, token in enumerate(server.tokens):
        at: Path = ("apiServer", "tokens", index)
        if token.user in users:
            yield whole.problem(
                (*at, "user"), f"{token.user} is there twice", "keep one of the two"
            )
        users.add(token.user)
        if "system:masters" in token.groups:
            yield whole.problem(
                (*at, "groups"),
                "no rule could limit a bearer of system:masters",
                "write kubeadm:cluster-admins, whose binding can be taken away",
            )
    for index, argument in enumerate(server.extraArgs):
        at = ("apiServer", "extraArgs", index, "name")
        if argument.name == "basic-auth-file":
            yield whole.problem(
                at, "Kubernetes has no basic authentication since 1.19", "write apiServer.tokens"
            )
        if argument.name == "token-auth-file" and server.tokens:
            yield whole.problem(at, "apiServer.tokens makes that file", "keep one of the two")
