"""The program on one page: cluster file, seed and lock in, user-data of every node out.

:func:`prepare` reads and checks, :func:`render_cluster` works everything out into a staging folder
and only then writes: seed first, then lock, then output. Clock and randomness are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from nodeseed import __version__
from nodeseed.nodes.build import build
from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.nodes.order import order
from nodeseed.nodes.warnings import warnings
from nodeseed.outputs.cluster_files import (
    admin_conf,
    instance_id,
    node_files,
    terraform_variables,
)
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.outputs.folder import Folder
from nodeseed.outputs.publication import Publication
from nodeseed.pki.certificates import Names
from nodeseed.pki.dates import OPERATOR, Dates
from nodeseed.pki.identities import Identities, Statements, lifetimes
from nodeseed.pki.keys import DerivedKeys, KeySource, PrivateKey, StoredKeys
from nodeseed.pki.lock import ELASTIC, SECOND, Lock
from nodeseed.pki.references import resolve
from nodeseed.pki.register import Membership, draft, first_lock
from nodeseed.pki.seed import Seed
from nodeseed.pki.tokens import (
    bootstrap_token,
    etcd_token,
    refuse_dead_tokens,
    static_token,
    token_notes,
    vrrp_password,
)
from nodeseed.preconditions import (
    lock_and_seed,
    lock_would_change,
    refuse_dead_certificates,
    refuse_other_rendering,
)
from nodeseed.render.cluster import cluster_digest, cluster_wide
from nodeseed.render.delivery import deliver, refuse_large_stub
from nodeseed.render.encode import ENCODINGS, cloud_config_text, counted_bytes
from nodeseed.render.node import cloud_config, render_node
from nodeseed.render.size import TooLarge, refuse_too_large
from nodeseed.render.templates import fingerprint

WARN_DAYS = 180


@dataclass(frozen=True, kw_only=True)
class Chance:
    """Everything that is not a function of the input: clock and randomness."""

    now: datetime
    secret: Callable[[int], bytes]
    generate_key: Callable[[str], PrivateKey]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The flags of ``nodeseed render``."""

    out: Path
    locked: bool = False
    upgrade: bool = False
    first: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One node in the summary: what was made for it."""

    node: str
    role: str
    size: int
    expires_in_days: int | None  # None: it holds no certificate


@dataclass
class Report:
    """What a render did.

    Attributes:
        design: the cluster.
        rows: one for each node.
        written: files that are new or changed.
        removed: files of nodes that are gone.
        changed: nodes whose content changed.
        lock: the lock as it is now.
        notes: sentences that the operator should read.
        made_seed: where a new seed was written, if one was.
    """

    design: Design
    lock: Lock
    rows: list[Row] = field(default_factory=list)
    written: int = 0
    removed: int = 0
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    made_seed: Path | None = None


def prepare(state: ClusterState) -> Design:
    """Read the cluster file and check it as a whole."""
    document = state.document()
    return build(document, state.manifests(document))


def membership(design: Design) -> Membership:
    """The cluster as far as its lock is concerned."""
    return Membership(
        roles={
            machine.name: ELASTIC if machine.elastic else machine.role
            for machine in design.everyone
        },
        holdings=design.holdings,
        etcd_members=design.peer_urls,
        lifetimes=lifetimes(design.cluster.pki),
        profile=design.cluster.pki.profile,
        window=design.cluster.etcd.bootstrapWindow,
        tokens={pool.name: pool.elastic.tokenLifetime for pool in design.pools if pool.elastic},
    )


def render_cluster(
    state: ClusterState,
    choices: Choices,
    chance: Chance,
    progress: Callable[[int, int], None] = lambda done, all_of_them: None,
) -> Report:
    """Turn a cluster file into the user-data of every node.

    Raises:
        NodeseedError: one of its leaves; then nothing was written.
    """
    design = prepare(state)
    consists = membership(design)
    old, seed, secret = lock_and_seed(
        state,
        design.cluster.name,
        locked=choices.locked,
        first=choices.first,
        chance=chance.secret,
    )
    lock = draft(
        old or first_lock(consists, cluster=design.cluster.name, seed=seed, now=chance.now),
        consists,
        now=chance.now,
    )
    statements = Statements(design.cluster.pki, lock)
    statements.refuse_new_authorities()
    refuse_dead_tokens(lock, chance.now)
    refuse_dead_certificates(lock, statements.calendar, chance.now)
    if not choices.upgrade:
        refuse_other_rendering(old, lock, design, statements)

    machines = {machine.name: machine for machine in design.machines}
    keys = _key_source(state, design, seed, chance)
    identities = Identities(statements, keys, _names(design, machines))
    once = cluster_digest(design, lock)
    following = lock.revision + 1
    cluster_revision = lock.clusterRevision if once == lock.clusterDigest else following
    shared = {
        "cluster-id": lock.clusterID,
        "etcd-token": etcd_token(seed, lock),
        "vrrp": vrrp_password(seed, lock),
        "cluster-revision": str(cluster_revision),
    }
    tokens = {
        "token": partial(static_token, seed, lock.cluster),
        "bootstrap": partial(bootstrap_token, seed, lock),
    }
    report = Report(design, lock)
    dates, records, too_large = statements.calendar, dict(lock.nodes), list[TooLarge]()
    encode = ENCODINGS[design.platform.encoding]

    publication = Publication(design, lock.clusterID)
    with Folder(choices.out, design.cluster.name) as folder:
        for done, machine in enumerate(design.everyone):
            rendering = render_node(design, machine, statements, lock)
            record = lock.nodes[machine.name]
            if rendering.digest != record.digest:
                report.changed.append(machine.name)
                record = record.model_copy(
                    update={"digest": rendering.digest, "nodeRevision": following}
                )
                records[machine.name] = record
            revision = {"node-revision": str(record.nodeRevision)}
            meaning = _meaning(identities, tokens, {**shared, **revision})
            sent = deliver(
                design,
                machine.name,
                cloud_config(rendering, meaning),
                cluster_id=lock.clusterID,
                revision=record.nodeRevision,
                chance=partial(_chance, seed, lock.cluster),
            )
            publication.add(machine.name, sent)
            text = cloud_config_text(sent.config)
            refuse_large_stub(machine.name, sent, text)
            user_data = encode(text)
            size = counted_bytes(design.platform, user_data)
            if design.platform.limit is not None and size > design.platform.limit:
                too_large.append(TooLarge(machine.name, size, rendering, meaning))
            instance = instance_id(lock.clusterID, machine.name, record)
            for name, content in node_files(
                design, machine, text=text, user_data=user_data, instance=instance
            ):
                folder.put(f"{machine.name}/{name}", content)
            for name, content in publication.node_files(machine.name, sent):
                folder.put(f"{machine.name}/{name}", content)
            expiries = dates.of_holder(machine.name, chance.now)
            days = min((e.days for e in expiries), default=None)
            report.rows.append(Row(machine.name, lock.nodes[machine.name].role, size, days))
            progress(done + 1, len(design.everyone))
        refuse_too_large(design.platform, too_large)
        folder.put("admin.conf", admin_conf(design, identities))
        for name, text in cluster_wide(design):
            folder.put(name, resolve(text, _meaning(identities, tokens, {})).encode())
        folder.put(
            "terraform.tfvars.json",
            terraform_variables(design, lambda name: records[name].digest, publication.variables()),
        )

        lock = lock.model_copy(
            update={
                "nodeseed": __version__,
                "rendering": fingerprint(),
                "authorities": statements.authorities(),
                "clusterDigest": once,
                "clusterRevision": cluster_revision,
                "nodes": records,
            }
        )
        if lock != old:
            lock = lock.model_copy(update={"revision": following})
            if choices.locked:
                raise lock_would_change(state, old, report.changed)
        report.notes += warnings(design)
        report.notes += order(design, [n for n in report.changed if old and n in old.nodes])
        report.notes += notes(old, lock, report.rows, chance.now)
        report.lock = lock
        for name, content in publication.cluster_files(lock.revision):
            folder.put(name, content)
        if secret is not None:
            state.save_seed(secret)
            report.made_seed = state.seed_path
        if isinstance(keys, StoredKeys) and keys.changed:
            state.save_bundle(keys.bundle(chance.secret(12)))
        if lock != old:
            state.save_lock(lock)
        report.written, report.removed = folder.commit()
    return report


def _key_source(state: ClusterState, design: Design, seed: Seed, chance: Chance) -> KeySource:
    name = design.cluster.name
    if design.cluster.pki.keys == "derived":
        return DerivedKeys(seed, name)
    return StoredKeys(seed, name, state.bundle(), chance.generate_key)


def _names(design: Design, machines: dict[str, Machine]) -> Callable[[str], Names]:
    return lambda node: design.names(machines[node]) if node else Names()


def _meaning(
    identities: Identities, tokens: Mapping[str, Callable[[str], str]], values: dict[str, str]
) -> Callable[[str, str], str]:
    def meaning(kind: str, name: str) -> str:
        if kind in values:
            return values[kind]
        return tokens[kind](name) if kind in tokens else identities.pem(kind, name)

    return meaning


def _chance(seed: Seed, cluster: str, length: int, what: str) -> bytes:
    """What encryption draws by chance elsewhere."""
    return seed.derive(length, purpose="age", cluster=cluster, identity=what)


def notes(old: Lock | None, lock: Lock, rows: list[Row], now: datetime) -> list[str]:
    """What the operator should read: the bootstrap window, and what expires soon."""
    bootstrap = lock.bootstrap
    found = []
    if old and old.bootstrap.until and bootstrap.members != old.bootstrap.members:
        found.append(
            "The set of etcd members changed, which closed the bootstrap window: new members join "
            "the living cluster. If nothing was ever launched: nodeseed open"
        )
    if bootstrap.is_open(now):
        until = datetime.strptime(bootstrap.until or "", SECOND)
        found.append(f"A new etcd cluster may form until {until:%Y-%m-%d %H:%M} UTC.")
    else:
        found.append("No new etcd cluster may form (the bootstrap window is closed).")
    operator = Dates(lock).of_holder(OPERATOR, now)
    soonest = min(
        [
            row.expires_in_days
            for row in rows
            if row.expires_in_days is not None and row.role != ELASTIC
        ]
        + [expiry.days for expiry in operator],
        default=0,
    )
    if soonest < WARN_DAYS:
        found.append(f"The first certificate expires in {soonest} days: nodeseed certs, then renew")
    return found + list(token_notes(lock, now))
