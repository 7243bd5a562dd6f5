"""Explicit changes of the lock: open, seal, renew, recover; each says what it did, what is next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from nodeseed.errors import CertificateError, LockError
from nodeseed.nodes.design import Design
from nodeseed.nodes.order import order
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import membership, prepare
from nodeseed.pki.certificates import CLASSES
from nodeseed.pki.identities import Statements, lifetimes
from nodeseed.pki.lock import DAY, NodeRecord
from nodeseed.pki.register import draft, first_lock, opened, sealed
from nodeseed.pki.register import renew as renewed
from nodeseed.render.node import render_node
from nodeseed.render.templates import fingerprint

RENEWABLE = tuple(klass for klass in CLASSES if klass != "ca")
_NEXT = "Next: nodeseed render, and commit the lock."


def plan(state: ClusterState, *, now: datetime) -> list[str]:
    """What the next render would do to each node, from cluster file and lock alone."""
    design, old = prepare(state), state.lock()
    if old is None:
        return [f"There is no lock yet: the first render makes all {len(design.everyone)} nodes."]
    lock = draft(old, membership(design), now=now)
    statements = Statements(design.cluster.pki, lock)
    statements.refuse_new_authorities()
    said, changed = list[str](), list[str]()
    for machine in design.everyone:
        known = old.nodes.get(machine.name)
        digest = render_node(design, machine, statements, lock).digest
        if known is None:
            said.append(
                f"{machine.name}: new, keys of generation {lock.nodes[machine.name].generation}"
            )
        elif known.digest != digest:
            said.append(f"{machine.name}: changes (revision {known.nodeRevision} now)")
            changed.append(machine.name)
    said += [f"{name}: goes" for name in old.nodes if name not in lock.nodes]
    said += order(design, changed)
    if lock.bootstrap != old.bootstrap:
        said.append("The set of etcd members changes: the bootstrap window closes.")
    if old.rendering != fingerprint():
        said.append(f"nodeseed {old.nodeseed} made this lock: render --upgrade")
    return said or ["Nothing would change."]


def open_window(state: ClusterState, design: Design, *, now: datetime) -> str:
    """Open the bootstrap window with a new generation of etcd's initial-cluster-token."""
    lock = opened(state.required_lock(), window=design.cluster.etcd.bootstrapWindow, now=now)
    state.save_lock(lock)
    return f"A new etcd cluster may form until {lock.bootstrap.until}. {_NEXT}"


def seal(state: ClusterState) -> str:
    """Close the bootstrap window."""
    state.save_lock(sealed(state.required_lock()))
    return f"The bootstrap window is closed: no new etcd cluster forms. {_NEXT}"


def renew(
    state: ClusterState,
    *,
    nodes: Sequence[str],
    classes: Sequence[str],
    new_keys: bool,
    now: datetime,
) -> str:
    """Issue anew from today: the named nodes, or the named classes, or all but the CAs."""
    design, old = prepare(state), state.required_lock()
    unknown = [name for name in nodes if name not in old.nodes]
    if unknown:
        raise LockError(f"{state.lock_path}: there is no node {', '.join(unknown)}")
    wrong = [klass for klass in classes if klass not in RENEWABLE]
    if wrong:
        raise CertificateError(
            f"{', '.join(wrong)} cannot be renewed; write one of {', '.join(RENEWABLE)} "
            "(a new CA is a rotation, not a renewal)"
        )
    if new_keys and not nodes:
        raise CertificateError("--new-keys needs --node: say whose keys are to be replaced")
    chosen = classes or (() if nodes else RENEWABLE)
    lock = renewed(
        old,
        classes=chosen,
        nodes=nodes,
        new_keys=new_keys,
        lifetimes=lifetimes(design.cluster.pki),
        tokens=membership(design).tokens,
        now=now,
    )
    state.save_lock(lock)
    whose = ", ".join(nodes) if nodes else f"all of class {', '.join(chosen)}"
    said = f"Certificates are issued anew from {now:%Y-%m-%d}: {whose}. {_NEXT}"
    pools = [name for name in nodes if lock.nodes[name].token]
    if all(lock.nodes[name] == old.nodes[name] for name in pools):
        said += "".join(f" The token of {name} is of today already." for name in pools)
    else:
        said += (
            " A pool has a new token, which a running cluster learns by `kubectl apply -f "
            "pools.yaml` from the output; then its launch template can have the new user-data."
        )
    return said


def recover(
    state: ClusterState, *, revision: int, issued: str, generations: Sequence[str], now: datetime
) -> str:
    """A lost lock, made again: same keys, the window closed, revisions above all that nodes have.

    Args:
        state: cluster file and seed.
        revision: the highest that any node shows.
        issued: day of the first render, so that the CAs come out as they were.
        generations: ``NODE=N`` for nodes whose keys were replaced.
        now: the present, UTC.
    """
    if state.lock() is not None:
        raise LockError(f"{state.lock_path}: is there; only a lost lock can be recovered")
    seed = state.seed()
    if seed is None:
        raise LockError(
            f"{state.seed_path}: the seed is missing too; without it nothing can be made"
        )
    if revision < 0:
        raise LockError(f"{revision} is no revision; write the highest that any node shows")
    design = prepare(state)
    day = _day(issued, now)
    consists = membership(design)
    lock = first_lock(consists, cluster=design.cluster.name, seed=seed, now=day)
    lock = draft(lock, consists, now=day)
    records = {**lock.nodes, **_generations(lock.nodes, generations)}
    # Above anything that a node can have: each change of the members raised the revision, too.
    bootstrap = lock.bootstrap.model_copy(
        update={
            "until": None,
            "generation": revision + 1,
            "membershipRevision": revision + 1,
        }
    )
    state.save_lock(
        lock.model_copy(
            update={
                "revision": revision,
                "clusterRevision": revision,
                "nodes": records,
                "bootstrap": bootstrap,
            }
        )
    )
    return f"{state.lock_path}: made again; the bootstrap window is closed. Next: render --upgrade"


def _day(text: str, now: datetime) -> datetime:
    try:
        day = datetime.strptime(text, DAY).replace(tzinfo=UTC)
    except ValueError:
        raise LockError(f"{text!r} is no day; write YYYY-MM-DD") from None
    if day > now:
        raise LockError(f"{text} lies in the future; write the day of the first render")
    return day


def _generations(nodes: dict[str, NodeRecord], given: Sequence[str]) -> dict[str, NodeRecord]:
    found = {}
    for entry in given:
        name, _, number = entry.partition("=")
        if name not in nodes or not re.fullmatch("[1-9][0-9]{0,6}", number):
            raise LockError(f"{entry!r}: write NODE=N, with a node of the cluster file")
        found[name] = nodes[name].model_copy(update={"generation": int(number)})
    return found
