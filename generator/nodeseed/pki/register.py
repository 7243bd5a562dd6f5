"""Keeps the lock: who is new, who came back, who is gone, what is renewed. Pure functions.

A draft carries over everything that was given before and adds what is missing; the digests of the
rendering then decide which revisions rise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from nodeseed.pki.authority import day
from nodeseed.pki.certificates import BY_NAME, CLASSES
from nodeseed.pki.lock import DAY, SECOND, Bootstrap, Issue, Lock, NodeRecord
from nodeseed.pki.seed import Seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What a cluster consists of, as far as the lock is concerned.

    Attributes:
        roles: role of each node, by name.
        holdings: names of the certificate rows that each role holds.
        etcd_members: peer URL of each etcd member, by name.
        lifetimes: lifetime of each class, for what is issued from now on.
        profile: name of the house style of certificates.
        window: how long after the first render a new etcd cluster may form.
        tokens: lifetime of each elastic pool's bootstrap token, by the pool's name.
    """

    roles: Mapping[str, str]
    holdings: Mapping[str, tuple[str, ...]]
    etcd_members: Mapping[str, str]
    lifetimes: Mapping[str, timedelta]
    profile: Literal["kubeadm", "cfssl"]
    window: timedelta
    tokens: Mapping[str, timedelta] = field(default_factory=dict)


def first_lock(membership: Membership, *, cluster: str, seed: Seed, now: datetime) -> Lock:
    """The lock before anything was rendered: no nodes, revision 0, an open bootstrap window."""
    return Lock(
        nodeseed="",
        rendering="0",
        cluster=cluster,
        clusterID=seed.cluster_id(cluster),
        seed=seed.fingerprint(cluster),
        profile=membership.profile,
        revision=0,
        clusterRevision=0,
        clusterDigest="",
        issues={klass: (_issue_of(membership.lifetimes[klass], now),) for klass in CLASSES},
        authorities={},
        holdings={},
        bootstrap=Bootstrap(
            members=dict(membership.etcd_members), until=(now + membership.window).strftime(SECOND)
        ),
        nodes={},
        tombstones={},
    )


def draft(lock: Lock, membership: Membership, *, now: datetime) -> Lock:
    """``lock`` brought up to the nodes of ``membership``; digests and revisions as they were."""
    issues = dict(lock.issues)
    nodes: dict[str, NodeRecord] = {}
    tombstones = dict(lock.tombstones)
    for name, role in membership.roles.items():
        old = lock.nodes.get(name)
        had = _classes(lock.holdings.get(old.role, ())) if old else set()
        places = dict(old.issues) if old else {}
        for klass in sorted(_classes(membership.holdings[role]) - had):
            issues[klass], place = _place(
                issues[klass], _issue_of(membership.lifetimes[klass], now)
            )
            if place:
                places[klass] = place
        token = old.token if old else None
        if name in membership.tokens:
            token = token or _issue_of(membership.tokens[name], now)
        else:
            token = None
        if old is None:
            generation = tombstones.pop(name, 0) + 1
            nodes[name] = NodeRecord(role=role, generation=generation, issues=places, token=token)
        else:
            nodes[name] = old.model_copy(update={"role": role, "issues": places, "token": token})
    for name, record in lock.nodes.items():
        if name not in nodes:
            tombstones[name] = record.generation
    return lock.model_copy(
        update={
            "issues": issues,
            "profile": membership.profile,
            "holdings": dict(membership.holdings),
            "bootstrap": _bootstrap(lock.bootstrap, membership.etcd_members),
            "nodes": nodes,
            "tombstones": tombstones,
        }
    )


def renew(
    lock: Lock,
    *,
    classes: Iterable[str],
    nodes: Iterable[str],
    new_keys: bool,
    lifetimes: Mapping[str, timedelta],
    tokens: Mapping[str, timedelta],
    now: datetime,
) -> Lock:
    """Issue anew: whole classes, or single nodes; ``new_keys`` also raises their generation.

    An elastic pool gets a new token by its name alone; the day of issue goes into it.

    The CAs are never among it: a new CA certificate is a rotation, not a renewal.
    """
    issues = dict(lock.issues)
    records = dict(lock.nodes)
    for klass in classes:
        issues[klass] = (_issue_of(lifetimes[klass], now),)
        for name, record in records.items():
            kept = {key: place for key, place in record.issues.items() if key != klass}
            records[name] = record.model_copy(update={"issues": kept})
    for name in nodes:
        places = {}
        for klass in sorted(_classes(lock.holdings[records[name].role])):
            issues[klass], places[klass] = _place(issues[klass], _issue_of(lifetimes[klass], now))
        records[name] = records[name].model_copy(
            update={
                "issues": {klass: place for klass, place in places.items() if place},
                "token": _issue_of(tokens[name], now) if name in tokens else None,
                "generation": records[name].generation + (1 if new_keys else 0),
            }
        )
    return lock.model_copy(update={"issues": issues, "nodes": records})


def sealed(lock: Lock) -> Lock:
    """The bootstrap window closed: no machine forms a new etcd cluster any more."""
    return _with_bootstrap(lock, {"until": None})


def opened(lock: Lock, *, window: timedelta, now: datetime) -> Lock:
    """The window open again, with a new generation: machines of older renders do not count."""
    return _with_bootstrap(
        lock,
        {
            "until": (now + window).strftime(SECOND),
            "generation": lock.bootstrap.generation + 1,
        },
    )


def _with_bootstrap(lock: Lock, update: dict[str, object]) -> Lock:
    return lock.model_copy(update={"bootstrap": lock.bootstrap.model_copy(update=update)})


def _bootstrap(old: Bootstrap, members: Mapping[str, str]) -> Bootstrap:
    if old.members == dict(members):
        return old
    return Bootstrap(
        members=dict(members),
        generation=old.generation,
        membershipRevision=old.membershipRevision + 1,
        until=None,
    )


def _classes(rows: Iterable[str]) -> set[str]:
    return {BY_NAME[row].klass for row in rows if BY_NAME[row].holder != "operator"}


def _issue_of(lifetime: timedelta, now: datetime) -> Issue:
    return Issue(day=day(now).strftime(DAY), hours=int(lifetime / timedelta(hours=1)))


def _place(issues: tuple[Issue, ...], wanted: Issue) -> tuple[tuple[Issue, ...], int]:
    """``issues`` with ``wanted`` in it, and where it stands: once for each class and day."""
    if wanted in issues:
        return issues, issues.index(wanted)
    return (*issues, wanted), len(issues)
