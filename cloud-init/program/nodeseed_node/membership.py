"""Whether, and how, etcd may start on this machine: the one decision that can lose data.

An etcd member that has lost its disk and starts again as `new` is accepted by etcd whenever none
of its peers answers within a second (etcd server/etcdserver/cluster_util.go,
isMemberBootstrapped). It has then forgotten what it once voted for, and together with a member
that never heard of it either, it forms a second history of the same cluster. So silence is never
consent here: a machine with an empty disk starts only when others, heard in this very round,
leave no doubt.

Nothing here touches the world: `decide` is a function of what was seen, tested over every
combination of answers that three members can give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

# What a peer says. HEALTHY: a linearizable member list came from its client port, so a quorum
# stands behind it. The peer port proves less: its /members answers without quorum.
SILENT = "silent"
EMPTY = "empty"  # waits in this same step, with our token
OTHER = "other"  # empty or waiting, with the user-data of another render
UNSTARTED = "unstarted"  # an etcd that waits as `new` in the very cluster that we would form
DATA = "data"  # has a log, and waits
FORMED = "formed"  # an etcd that has belonged to a quorum
GONE = "gone"  # was FORMED or DATA when last heard, silent now
HEALTHY = "healthy"

# What to do. REMOVE and ADD change the cluster and are followed by another round.
START = "start"
NEW = "new"
EXISTING = "existing"
REMOVE = "remove"
ADD = "add"
WAIT = "wait"


class Member(NamedTuple):
    """One row of etcd's member list."""

    id: int
    name: str
    urls: tuple[str, ...]
    started: bool
    learner: bool


class Quorum(NamedTuple):
    """What a healthy quorum says: its cluster, its members, the revision of its member list."""

    cluster: int
    members: tuple[Member, ...]
    revision: int


class Own(NamedTuple):
    """What this machine is: `disk` is the member ID in its log, 0 if unreadable, None if empty."""

    name: str
    url: str
    initial: Mapping[str, str]
    revision: int
    disk: int | None


class Decision(NamedTuple):
    """An action, one sentence for the console, and the member that the action is about."""

    action: str
    sentence: str
    target: int = 0


def decide(
    own: Own, answers: Mapping[str, str], quorums: Sequence[Quorum], clock: bool, window: bool
) -> Decision:
    """Decide from one round of asking.

    Args:
        own: This machine.
        answers: For every peer URL that was asked, what it said.
        quorums: What each HEALTHY peer reported.
        clock: The clock can be trusted.
        window: The time in which empty machines may form a new cluster is not over.
    """
    if own.disk is not None:
        listed = any(own.disk == m.id for q in quorums for m in q.members)
        if own.disk and quorums and not listed:
            return Decision(WAIT, "removed from the cluster; wipe the data disk to rejoin")
        return Decision(START, "starting with the data on its disk")
    if len({q.cluster for q in quorums}) > 1:
        return Decision(WAIT, "the peers serve two different clusters; shut one of them down")
    if quorums:
        return _join(own, answers, max(quorums, key=lambda q: q.revision))
    return _form(own, answers, clock, window)


def _join(own: Own, answers: Mapping[str, str], quorum: Quorum) -> Decision:
    """We are empty and a healthy quorum answers: replace, take the place kept for us, or grow."""
    here = [m for m in quorum.members if own.url in m.urls]
    if here and not here[0].started:
        return Decision(EXISTING, "joining: the cluster expects this member")
    if quorum.revision > own.revision:
        return Decision(
            WAIT,
            f"the cluster's member list is revision {quorum.revision}, this user-data has "
            f"{own.revision}: boot with newer user-data",
        )
    old = here or [m for m in quorum.members if m.name == own.name]
    if not old:
        return Decision(ADD, "joining as a new member")
    if not here and any(answers.get(u, SILENT) not in (SILENT, GONE) for u in old[0].urls):
        return Decision(WAIT, f"another {own.name} answers at {old[0].urls[0]}; shut it down")
    voters = [m for m in quorum.members if not m.learner and m != old[0]]
    up = sum(any(answers.get(u) == HEALTHY for u in m.urls) for m in voters)
    if up <= len(voters) // 2:
        return Decision(
            WAIT,
            f"replacing the old {own.name} now would endanger the quorum: "
            f"{up} of {len(voters)} other members up",
        )
    return Decision(REMOVE, f"replacing the old {own.name}", old[0].id)


def _form(own: Own, answers: Mapping[str, str], clock: bool, window: bool) -> Decision:
    """We are empty and no quorum answers: only a majority of the like-minded may form one."""
    names = {url: name for name, url in own.initial.items()}

    def said(*kinds: str) -> str:
        return ", ".join(names.get(u, u) for u in sorted(answers) if answers[u] in kinds)

    formed = said(FORMED, DATA, GONE, HEALTHY)
    if formed:
        return Decision(WAIT, f"{formed} belongs to a formed cluster; waiting for its quorum")
    up = 1 + sum(answers.get(u) in (EMPTY, UNSTARTED) for u in names if u != own.url)
    more = len(names) // 2 + 1 - up
    missing = []
    if more > 0:
        missing.append(f"{up} of {len(names)} members up, waiting for {more} more")
    if said(OTHER):
        missing.append(f"{said(OTHER)} has user-data of another render")
    if not clock:
        missing.append("the clock is not synchronised")
    if not window:
        missing.append("the bootstrap window is closed: no new cluster may form")
    if more <= 0 and clock and window:
        return Decision(NEW, f"forming a new cluster, {up} of {len(names)} members up")
    return Decision(WAIT, "; ".join(missing))
