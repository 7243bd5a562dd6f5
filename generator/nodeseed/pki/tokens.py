"""Tokens and passwords, derived from the seed like keys: of users, pools, etcd and VRRP."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta

from nodeseed.errors import CertificateError
from nodeseed.pki.encoding import digest
from nodeseed.pki.lock import SECOND, Lock
from nodeseed.pki.seed import Seed

WARN = timedelta(days=30)  # or a third of the lifetime, where that is shorter


def static_token(seed: Seed, cluster: str, name: str) -> str:
    """32 lower-case characters (160 bits) for ``generation/user``."""
    generation, _, user = name.partition("/")
    secret = seed.derive(
        20, purpose="token", cluster=cluster, identity=user, generation=int(generation)
    )
    return base64.b32encode(secret).decode().lower()


def bootstrap_token(seed: Seed, lock: Lock, name: str) -> str:
    """A part of a pool's bootstrap token: ``id``, ``secret``, ``token`` or ``end``, as ``id/POOL``.

    Its form is that of kubernetes.io (Authenticating with Bootstrap Tokens): six characters and
    sixteen (80 bits). The day of issue goes into it, so that a renewed one is another.
    """
    part, _, pool = name.partition("/")
    record = lock.nodes[pool]
    assert record.token is not None  # noqa: S101 - every elastic pool has one
    if part == "end":
        return record.token.end.strftime(SECOND)
    derived = seed.derive(
        20,
        purpose="bootstrap-token",
        cluster=lock.cluster,
        identity=f"{pool}/{record.token.day}",
        generation=record.generation,
    )
    text = base64.b32encode(derived).decode().lower()
    parts = {"id": text[:6], "secret": text[6:22]}
    return parts.get(part) or ".".join(parts.values())


def etcd_token(seed: Seed, lock: Lock) -> str:
    """etcd's initial-cluster-token: machines of two member lists never count each other."""
    bootstrap = lock.bootstrap
    members = [part for item in sorted(bootstrap.members.items()) for part in item]
    return seed.derive(
        16,
        purpose="etcd-token",
        cluster=lock.cluster,
        identity=digest("etcd-members", *members).hex(),
        generation=bootstrap.generation,
    ).hex()


def vrrp_password(seed: Seed, lock: Lock) -> str:
    """Eight characters, all that VRRP version 2 takes (RFC 2338)."""
    return base64.b32encode(seed.derive(5, purpose="vrrp", cluster=lock.cluster)).decode().lower()


def refuse_dead_tokens(lock: Lock, now: datetime) -> None:
    """Raise CertificateError where a pool's token has expired: its machines could not join."""
    dead = [name for name, record in lock.nodes.items() if record.token and record.token.end <= now]
    if dead:
        day = lock.nodes[dead[0]].token
        assert day is not None  # noqa: S101
        raise CertificateError(
            f"the bootstrap token of pool {dead[0]} expired on {day.end:%Y-%m-%d}; issue a new "
            f"one: nodeseed renew {' '.join(f'--node {name}' for name in dead)}"
        )


def token_notes(lock: Lock, now: datetime) -> Iterator[str]:
    """What the operator should read: which pools' tokens end soon."""
    for name, record in lock.nodes.items():
        token = record.token
        if token and token.end - now < min(WARN, token.lifetime / 3):
            yield (
                f"The bootstrap token of pool {name} ends on {token.end:%Y-%m-%d}; new machines "
                f"cannot join after that: nodeseed renew --node {name}"
            )
