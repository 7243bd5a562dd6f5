"""What must hold before a render writes anything, and what is said where it does not.

Lock and seed are this cluster's, its certificates are alive, the operator has agreed to another
rendering, and with ``--locked`` the lock stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from nodeseed import __version__
from nodeseed.errors import CertificateError, LockError, LockWouldChange, UpgradeNeeded
from nodeseed.nodes.design import Design
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pki.dates import Dates
from nodeseed.pki.identities import Statements
from nodeseed.pki.lock import Lock
from nodeseed.pki.seed import SEED_BYTES, Seed
from nodeseed.render.node import render_node
from nodeseed.render.templates import fingerprint


def lock_and_seed(
    state: ClusterState, cluster: str, *, locked: bool, first: bool, chance: Callable[[int], bytes]
) -> tuple[Lock | None, Seed, bytes | None]:
    """Lock and seed, which come as a pair or not at all; the third is a new seed to be saved.

    Args:
        state: where they are.
        cluster: its name.
        locked: there must be a lock.
        first: a seed may come without one, since it never rendered a cluster before.
        chance: makes the secret of a new seed.

    Raises:
        LockError: one of them is missing, or they are not this cluster's.
        LockWouldChange: ``locked``, and there is neither.
    """
    lock, seed = state.lock(), state.seed()
    if lock is not None and lock.cluster != cluster:
        raise LockError(
            f"{state.lock_path}: belongs to cluster {lock.cluster}, the cluster file says "
            f"{cluster}; a cluster's name never changes, since every key follows from it"
        )
    if seed is None:
        if lock is not None:
            raise LockError(
                f"{state.seed_path}: the seed of this lock is missing; restore it from your "
                "backup (nothing else can make these keys), or set NODESEED_SEED"
            )
        if locked:
            raise LockWouldChange("--locked: there is no lock yet; run `nodeseed render` once")
        secret = chance(SEED_BYTES)
        return None, Seed(secret), secret
    if lock is None:
        if not first:
            raise LockError(
                f"{state.lock_path}: there is a seed but no lock. If this seed never rendered a "
                "cluster: render --first. If the lock was lost: nodeseed recover-lock"
            )
        return None, seed, None
    if seed.fingerprint(cluster) != lock.seed:
        raise LockError(
            f"{state.lock_path}: this is not the seed of this lock (fingerprint "
            f"{seed.fingerprint(cluster)[:8]}…, the lock has {lock.seed[:8]}…); take the seed of "
            "this cluster: other keys would lock out every node"
        )
    return lock, seed, None


def refuse_dead_certificates(lock: Lock, dates: Dates, now: datetime) -> None:
    """Raise CertificateError where one has expired, or this machine's clock is behind the lock."""
    gone = [expiry for expiry in dates.all(now) if expiry.not_after <= now]
    if gone:
        first = gone[0]
        raise CertificateError(
            f"{len(gone)} certificates are expired, the first {first.certificate} of "
            f"{first.holder} on {first.not_after:%Y-%m-%d}; issue new ones: nodeseed renew"
        )
    for klass, issues in lock.issues.items():
        late = max(issue.issued for issue in issues)
        if late > now + timedelta(days=2):
            raise CertificateError(
                f"certificates of class {klass} are not yet valid: the lock says {late:%Y-%m-%d}, "
                f"this machine's clock {now:%Y-%m-%d}; set the clock right"
            )


def refuse_other_rendering(
    old: Lock | None, lock: Lock, design: Design, statements: Statements
) -> None:
    """Raise UpgradeNeeded where another nodeseed made the lock: it may have rendered other bytes.

    The operator sees first which nodes would change, and then says ``--upgrade``.
    """
    if old is None or old.rendering == fingerprint():
        return
    changed = [
        machine.name
        for machine in design.everyone
        if render_node(design, machine, statements, lock).digest != lock.nodes[machine.name].digest
    ]
    raise UpgradeNeeded(
        f"nodeseed {old.nodeseed} made this lock, {__version__} renders differently; nothing was "
        f"written. {len(changed)} of {len(design.everyone)} nodes would change"
        f"{': ' + _listed(changed) if changed else ''}. "
        "To go on with this version: render --upgrade"
    )


def lock_would_change(state: ClusterState, old: Lock | None, changed: list[str]) -> LockWouldChange:
    """What ``--locked`` ends with: which nodes change, and what to do."""
    nodes = f"{len(changed)} nodes change: {_listed(changed)}" if changed else "no node changes"
    what = f"{nodes}; run `nodeseed render` and commit the lock"
    return LockWouldChange(
        f"{state.lock_path}: --locked, and the lock {'would change' if old else 'is new'}: {what}"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f", … ({len(names)} in all)" if len(names) > 10 else "")
