"""Whether, and how, etcd may start on this machine: the one decision that can lose data.

An etcd member that has lost its disk and starts again as `new` is accepted by etcd whenever none
of its peers answers within a second (etcd server/etcdserver/cluster_util.go,
isMemberBootstrapped). It has then forgotten what it once voted for, and together with a member
that never heard of it either, it forms a second history of the same cluster. So silence is never
consent here: a machine with an empty disk starts only when others, heard in this very round,
leave no doubt.

Nothing here touches the world: `decide` is a function of what was seen, tested over every
combination of answers that three members can give. Member lists are as etcd's JSON gateway
tells them; a member publishes its clientURLs once it has joined a quorum.

A peer says one of these:

    silent
    empty      it waits in this same step, with our token, or its etcd waits as `new` in the very
               cluster that we would form
    other      it waits likewise, with the user-data of another render
    formed     it has a log and waits, or is an etcd that has belonged to a quorum
    gone       it was formed when last heard, and is silent now
    a Quorum   a linearizable member list came from its client port: a quorum stands behind it.
               The peer port proves less: its /members answers without quorum

And to do is one of these; after `remove` and `add` follows another round:

    start  new  existing  remove  add  wait
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Union

Action = Literal["start", "new", "existing", "remove", "add", "wait"]


class Quorum(NamedTuple):
    """What a healthy quorum says: its members, and the revision of the list that it remembers."""

    members: Sequence[Mapping[str, Any]]
    revision: int


Answer = Union[Literal["silent", "empty", "other", "formed", "gone"], Quorum]


class Decision(NamedTuple):
    """An action, one sentence for the console, and what the action needs.

    That is the request for `remove` and `add`, and etcd's environment for `new` and `existing`.
    """

    action: Action
    sentence: str
    needs: Any = ""


def decide(
    config: Any, disk: str | None, answers: Mapping[str, Answer], clock: bool, window: bool
) -> Decision:
    """Decide from one round of asking.

    Args:
        config: What this node was told about itself.
        disk: The member ID in its log; "" if it cannot be read, None if there is no log.
        answers: For every peer URL that we or a quorum know of, but our own, what it said.
        clock: The clock can be trusted.
        window: The time in which empty machines may form a new cluster is not over.
    """
    quorums = [answer for answer in answers.values() if isinstance(answer, Quorum)]
    if disk is not None:
        listed = [row["ID"] for quorum in quorums for row in quorum.members]
        if disk and listed and disk not in listed:
            return Decision("wait", "removed from the cluster; wipe the data disk to rejoin")
        return Decision("start", "starting")
    if quorums:
        return _join(config, answers, *max(quorums, key=lambda quorum: quorum.revision))
    return _form(config["etcd"]["members"], answers, clock, window)


def _join(
    config: Any, answers: Mapping[str, Answer], rows: Sequence[Mapping[str, Any]], revision: int
) -> Decision:
    """We are empty and a healthy quorum answers: replace, take the place kept for us, or grow."""
    name = config["node"]
    own = config["etcd"]["members"][name]
    old = [row for row in rows if own in row["peerURLs"]]
    if old and not old[0].get("clientURLs"):
        # of the others etcd compares number and URLs, not names
        # (membership/cluster.go, ValidateClusterAndAssignIDs)
        pairs = [
            f"{name if url == own else row['ID']}={url}" for row in rows for url in row["peerURLs"]
        ]
        return Decision("existing", "joining", f"ETCD_INITIAL_CLUSTER={','.join(pairs)}\n")
    if revision > config["etcd"]["membershipRevision"]:
        return Decision("wait", f"the members have revision {revision}: boot with newer user-data")
    old = old or [row for row in rows if row.get("name") == name]
    if not old:
        return Decision("add", "joining", {"peerURLs": [own], "isLearner": True})
    for url in old[0]["peerURLs"]:
        if url != own and answers.get(url) not in ("silent", "gone"):
            return Decision("wait", f"another {name} is up: {url}")
    voters = [row for row in rows if not row.get("isLearner") and row != old[0]]
    up = sum(any(isinstance(answers.get(url), Quorum) for url in row["peerURLs"]) for row in voters)
    if up <= len(voters) // 2:
        return Decision(
            "wait",
            f"replacing the old {name} endangers the quorum: {up} of {len(voters)} others up",
        )
    return Decision("remove", f"replacing the old {name}", {"ID": old[0]["ID"]})


def _form(
    members: Mapping[str, str], answers: Mapping[str, Answer], clock: bool, window: bool
) -> Decision:
    """We are empty and no quorum answers: only a majority of the like-minded may form one."""

    def said(*kinds: str) -> list[str]:
        return [name for name, url in members.items() if answers.get(url) in kinds]

    for name in said("formed", "gone"):
        return Decision("wait", f"{name} has data; waiting for a healthy etcd quorum")
    up = 1 + len(said("empty"))
    more = len(members) // 2 + 1 - up
    missing = []
    if more > 0:
        missing += [f"{up} of {len(members)} members up, waiting for {more} more"]
    if not clock:
        missing += ["the clock is not synchronised"]
    if not window:
        missing += ["the bootstrap window is closed"]
    if not missing:
        return Decision("new", "forming a new cluster", "ETCD_INITIAL_CLUSTER_STATE=new\n")
    missing += [f"{name} has user-data of another render" for name in said("other")]
    return Decision("wait", "; ".join(missing))
