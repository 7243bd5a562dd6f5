"""Whether, and how, etcd may start on this machine: the one decision that can lose data.

An etcd member that has lost its disk and starts again as `new` is accepted by etcd whenever none
of its peers answers within a second (etcd server/etcdserver/cluster_util.go,
isMemberBootstrapped). It has then forgotten what it once voted for, and together with a member
that never heard of it either, it forms a second history of the same cluster. So silence is never
consent here: a machine with an empty disk starts only when others, heard in this very round,
leave no doubt.

Nothing here touches the world: `decide` is a function of what was seen, tested over every
combination of answers that three members can give.

A peer says one of these:

    silent
    empty      it waits in this same step, with our token
    other      it is empty or waits as `new`, with the user-data of another render
    unstarted  an etcd waits as `new` in the very cluster that we would form
    data       it has a log, and waits
    formed     an etcd that has belonged to a quorum
    gone       it was formed or had data when last heard, and is silent now
    healthy    a linearizable member list came from its client port: a quorum stands behind it.
               The peer port proves less: its /members answers without quorum

And to do is one of these; after `remove` and `add` follows another round:

    start  new  existing  remove  add  wait
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

Answer = Literal["silent", "empty", "other", "unstarted", "data", "formed", "gone", "healthy"]
Action = Literal["start", "new", "existing", "remove", "add", "wait"]


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

    action: Action
    sentence: str
    target: int = 0


def decide(
    own: Own, answers: Mapping[str, Answer], quorums: Sequence[Quorum], clock: bool, window: bool
) -> Decision:
    """Decide from one round of asking.

    Args:
        own: This machine.
        answers: For every peer URL that was asked, what it said.
        quorums: What each healthy peer reported.
        clock: The clock can be trusted.
        window: The time in which empty machines may form a new cluster is not over.
    """
    if own.disk is not None:
        listed = any(own.disk == m.id for q in quorums for m in q.members)
        if own.disk and quorums and not listed:
            return Decision("wait", "removed from the cluster; wipe the data disk to rejoin")
        return Decision("start", "starting with the data on its disk")
    if len({q.cluster for q in quorums}) > 1:
        return Decision("wait", "the peers serve two different clusters")
    if quorums:
        return _join(own, answers, max(quorums, key=lambda q: q.revision))
    return _form(own, answers, clock, window)


def _join(own: Own, answers: Mapping[str, Answer], quorum: Quorum) -> Decision:
    """We are empty and a healthy quorum answers: replace, take the place kept for us, or grow."""
    here = [m for m in quorum.members if own.url in m.urls]
    if here and not here[0].started:
        return Decision("existing", "joining")
    if quorum.revision > own.revision:
        return Decision(
            "wait",
            f"members have revision {quorum.revision}, not {own.revision}: "
            "boot with newer user-data",
        )
    old = here or [m for m in quorum.members if m.name == own.name]
    if not old:
        return Decision("add", "joining as a new member")
    if not here and any(answers.get(u, "silent") not in ("silent", "gone") for u in old[0].urls):
        return Decision("wait", f"another {own.name} answers at {old[0].urls[0]}; shut it down")
    voters = [m for m in quorum.members if not m.learner and m != old[0]]
    up = sum(any(answers.get(u) == "healthy" for u in m.urls) for m in voters)
    if up <= len(voters) // 2:
        return Decision(
            "wait",
            f"replacing the old {own.name} would endanger the quorum: "
            f"{up} of {len(voters)} others up",
        )
    return Decision("remove", f"replacing the old {own.name}", old[0].id)


def _form(own: Own, answers: Mapping[str, Answer], clock: bool, window: bool) -> Decision:
    """We are empty and no quorum answers: only a majority of the like-minded may form one."""
    names = {url: name for name, url in own.initial.items()}

    def said(*kinds: str) -> str:
        return ", ".join(names.get(u, u) for u in sorted(answers) if answers[u] in kinds)

    formed = said("formed", "data", "gone", "healthy")
    if formed:
        return Decision("wait", f"{formed} belongs to a formed cluster; waiting for its quorum")
    up = 1 + sum(answers.get(u) in ("empty", "unstarted") for u in names if u != own.url)
    more = len(names) // 2 + 1 - up
    missing = []
    if more > 0:
        missing.append(f"{up} of {len(names)} members up, waiting for {more} more")
    if not clock:
        missing.append("the clock is not synchronised")
    if not window:
        missing.append("the bootstrap window is closed")
    if not missing:
        return Decision("new", f"forming a new cluster, {up} of {len(names)} members up")
    if said("other"):
        missing.append(f"{said('other')} has user-data of another render")
    return Decision("wait", "; ".join(missing))
