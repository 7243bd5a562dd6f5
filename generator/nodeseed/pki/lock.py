"""The lock file: what must stay as it was once it was given. There is no secret in it.

It lies beside the cluster file and belongs in git. It knows the seed by its fingerprint, the day
on which each class of certificates was issued, the generation of each node's keys, the names that
must never again get the keys of a discarded machine, the etcd members and until when they may form
a new cluster, and for each node a digest of its public rendering. It has one node a line, so that
it merges well.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from nodeseed.errors import LockError
from nodeseed.spec.fields import Block

SCHEMA = 1
DAY = "%Y-%m-%d"
SECOND = "%Y-%m-%dT%H:%M:%SZ"
ELASTIC = "elastic"  # the role of an elastic pool, which holds no certificate

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]+$")]
Count = Annotated[int, Field(ge=0)]


@lru_cache(maxsize=64)
def _midnight(day: str) -> datetime:
    return datetime.strptime(day, DAY).replace(tzinfo=UTC)


class Issue(Block):
    """A day on which certificates of a class were issued, and for how many hours."""

    day: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    hours: Annotated[int, Field(ge=1)]

    @property
    def issued(self) -> datetime:
        """Midnight (UTC) of the day."""
        return _midnight(self.day)

    @property
    def lifetime(self) -> timedelta:
        """The lifetime before the spread."""
        return timedelta(hours=self.hours)

    @property
    def end(self) -> datetime:
        """When a token of this issue ends; tokens have no spread."""
        return self.issued + self.lifetime


class Bootstrap(Block):
    """Which etcd members may form a new cluster, and until when.

    Attributes:
        members: name and peer URL of each.
        generation: raised by ``nodeseed open``; goes into etcd's initial-cluster-token.
        membershipRevision: raised whenever the members change; a machine with a lower one changes
            nothing about a living cluster.
        until: the window's end in UTC; None: it is closed.
    """

    members: dict[str, str]
    generation: Count = 1
    membershipRevision: Count = 1  # noqa: N815
    until: str | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether a new etcd cluster may form at ``now``."""
        return self.until is not None and now < datetime.strptime(self.until, SECOND).replace(
            tzinfo=UTC
        )


class NodeRecord(Block):
    """What is remembered of one node.

    Attributes:
        role: decides which certificates it holds.
        nodeRevision: the revision of the render that last changed its digest.
        digest: 128 bits over its public rendering, hexadecimal.
        generation: of its keys; raised for a name that comes back and by ``renew --new-keys``.
        issues: for each class, the place in ``Lock.issues``, where that is not the first.
        token: when the bootstrap token of an elastic pool was issued; None: it is none.
    """

    role: str
    nodeRevision: Count = 0  # noqa: N815
    digest: str = ""
    generation: Annotated[int, Field(ge=1)] = 1
    issues: dict[str, Count] = Field(default_factory=dict)
    token: Issue | None = None


class Lock(Block):
    """The whole file; docs/adr/0001 says why it holds what it holds."""

    schema_: Annotated[int, Field(alias="schema")] = SCHEMA
    nodeseed: str
    rendering: Hex
    cluster: str
    clusterID: Hex  # noqa: N815
    seed: Hex
    profile: Literal["kubeadm", "cfssl"]
    revision: Count
    clusterRevision: Count  # noqa: N815
    clusterDigest: str  # noqa: N815
    issues: dict[str, Annotated[tuple[Issue, ...], Field(strict=False, min_length=1)]]
    authorities: dict[str, Hex]
    holdings: dict[str, Annotated[tuple[str, ...], Field(strict=False)]]
    bootstrap: Bootstrap
    nodes: dict[str, NodeRecord]
    tombstones: dict[str, Count]

    def issue(self, klass: str, node: str | None) -> Issue:
        """When the certificates of ``klass`` that ``node`` holds were issued."""
        place = self.nodes[node].issues.get(klass, 0) if node else 0
        return self.issues[klass][place]


def load_lock(text: bytes, file: str) -> Lock:
    """Read a lock file.

    Raises:
        LockError: it is damaged, or a newer nodeseed wrote it.
    """
    try:
        data = json.loads(text)
        schema = data["schema"]
    except (ValueError, KeyError, TypeError):
        raise LockError(
            f"{file}: this is no lock file (or a merge left conflict marks in it); "
            "restore it from git"
        ) from None
    if not isinstance(schema, int) or schema > SCHEMA:
        raise LockError(
            f"{file}: nodeseed {data.get('nodeseed', '?')} wrote it in schema {schema}, this "
            f"nodeseed reads up to {SCHEMA}; install that version or a newer one"
        )
    try:
        return Lock.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise LockError(
            f"{file}: {where}: {first['msg']}; the lock file was edited or damaged: "
            "restore it from git"
        ) from None


def dump_lock(lock: Lock) -> bytes:
    """The lock as text: JSON, one line for each entry and one for each node."""
    data = lock.model_dump(by_alias=True, exclude={"nodes", "tombstones"})
    lines = [f" {json.dumps(key)}: {_compact(value)}," for key, value in data.items()]
    for key, entries in (
        ("tombstones", {name: lock.tombstones[name] for name in sorted(lock.tombstones)}),
        (
            "nodes",
            {name: record.model_dump(exclude_defaults=True) for name, record in lock.nodes.items()},
        ),
    ):
        lines.append(f" {json.dumps(key)}: {{")
        lines += [f"  {json.dumps(name)}: {_compact(entry)}," for name, entry in entries.items()]
        lines[-1] = lines[-1].rstrip(",")
        lines.append(" }," if key == "tombstones" else " }")
    return ("{\n" + "\n".join(lines) + "\n}\n").encode()


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(", ", ": "), ensure_ascii=False)
