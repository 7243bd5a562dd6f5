"""Roles, names and labels of the machines."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.machine import Machine
from nodeseed.spec.source import Path

MAX_MEMBERS = 7  # etcd.io FAQ: more only slows writes down


def cluster_name(whole: Whole) -> Iterator[Problem]:
    """The name goes into file names and digests on every node."""
    if len(whole.cluster.name) > 40:
        yield whole.problem(("name",), "the name is longer than 40 characters", "shorten it")


def roles(whole: Whole) -> Iterator[Problem]:
    """Enough control planes, and a number of etcd members that can have a majority."""
    machines, members = whole.machines, whole.members
    at: Path = ("nodes",)
    control_planes = [machine for machine in machines if machine.role == "control-plane"]
    if not control_planes:
        yield whole.problem(
            at, "there is no control plane", "add one node, better three, of role control-plane"
        )
        return
    if len(control_planes) == 2:
        yield whole.problem(
            at,
            "two control planes are worse than one: with etcd on them, the loss of either stops "
            "the cluster",
            "use one (no high availability) or three",
        )
    elif len(members) % 2 == 0:
        yield whole.problem(
            at,
            f"{len(members)} etcd members: an even number tolerates no more failures than "
            f"{len(members) - 1} and splits in halves that both stop",
            f"use {len(members) - 1} or {len(members) + 1}",
        )
    elif len(members) > MAX_MEMBERS:
        yield whole.problem(
            at, f"{len(members)} etcd members", f"use at most {MAX_MEMBERS}: every write waits"
        )
    for machine in machines:
        if not machine.is_node and (machine.labels or machine.taints):
            yield whole.problem(
                machine.path,
                f"{machine.name} has labels or taints, but of role {machine.role} it is no "
                "Kubernetes Node",
                "take them out",
            )


def names(whole: Whole) -> Iterator[Problem]:
    """Every machine has a name of its own, after pools are multiplied out."""
    seen: dict[str, Machine] = {}
    host = whole.cluster.endpoint.host
    for machine in whole.machines:
        other = seen.setdefault(machine.name, machine)
        if other is not machine:
            yield whole.problem(
                (*machine.path, "name"),
                f"{machine.name} is there twice (also line {whole.source.line(other.path)})",
                "give each machine a name of its own",
            )
        if len(machine.name) > 63:
            yield whole.problem(
                (*machine.path, "name"),
                f"{machine.name} is longer than 63 characters",
                "shorten the pool's name",
            )
        if machine.name == host:
            yield whole.problem(
                ("endpoint", "host"),
                f"the endpoint has the name of node {machine.name}",
                "give the endpoint a name of its own, such as api.example.com",
            )


def labels(whole: Whole) -> Iterator[Problem]:
    """Only labels that a kubelet may give its own node (the NodeRestriction admission plugin)."""
    for part in ("nodes", "pools"):
        for index, entry in enumerate(getattr(whole.cluster, part)):
            for key in entry.labels:
                prefix = key.rpartition("/")[0]
                reserved = prefix == "kubernetes.io" or prefix.endswith(
                    (".kubernetes.io", "k8s.io")
                )
                allowed = prefix in ("kubelet.kubernetes.io", "node.kubernetes.io") or (
                    prefix == "topology.kubernetes.io"
                )
                if reserved and not allowed:
                    yield whole.problem(
                        (part, index, "labels", key),
                        f"a kubelet may not give its own node the label {key}",
                        "use a prefix of your own, or node.kubernetes.io/",
                    )
