"""When each certificate begins and ends, from the lock alone: no seed, no cluster file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from nodeseed.pki.authority import validity
from nodeseed.pki.certificates import BY_NAME, CERTIFICATES, PROFILES, Certificate, identity
from nodeseed.pki.lock import Lock

OPERATOR = "operator"
BOOTSTRAP_TOKEN = "bootstrap-token"  # noqa: S105 - stands where others have a certificate's name


@dataclass(frozen=True, slots=True)
class Expiry:
    """One certificate of a cluster.

    Attributes:
        certificate: its row in the table.
        holder: the node that has it, or ``operator``.
        issuer: the row that signed it.
        not_after: last second of validity, UTC.
        days: whole days that are left; negative once it is expired.
    """

    certificate: str
    holder: str
    issuer: str
    not_after: datetime
    days: int


class Dates:
    """Validity and generation of every certificate that a lock knows of."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._known: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        self._spread = PROFILES[lock.profile].spread

    def generation(self, row: Certificate, node: str) -> int:
        """How often the identity's keys were replaced, from 1."""
        return self._lock.nodes[node].generation if row.of_node else 1

    def of(self, row: Certificate, node: str) -> tuple[datetime, datetime]:
        """First and last second of validity (UTC); a leaf ends with its CA at the latest."""
        if (row.name, node) not in self._known:
            self._known[row.name, node] = self._work_out(row, node)
        return self._known[row.name, node]

    def _work_out(self, row: Certificate, node: str) -> tuple[datetime, datetime]:
        issued = self._lock.issue(row.klass, node if row.of_node else None)
        first, last = validity(
            issued=issued.issued,
            lifetime=issued.lifetime,
            spread=0.0 if row.is_ca else self._spread,
            cluster=self._lock.cluster,
            identity=identity(row, node),
            generation=self.generation(row, node),
        )
        if not row.is_ca and row.issuer:
            last = min(last, self._authorities_end[row.issuer])
        return first, last

    @cached_property
    def _authorities_end(self) -> dict[str, datetime]:
        return {row.name: self.of(row, "")[1] for row in CERTIFICATES if row.is_ca}

    def of_holder(self, node: str, now: datetime) -> Iterator[Expiry]:
        """What ``node`` holds: certificates, or a token; ``operator``: the CAs and the own ones."""
        if node == OPERATOR:
            rows = [row for row in CERTIFICATES if row.holder == "operator"]
        else:
            rows = [BY_NAME[name] for name in self._lock.holdings[self._lock.nodes[node].role]]
        for row in rows:
            if row.issuer:
                _, last = self.of(row, node)
                yield Expiry(row.name, node, row.issuer, last, (last - now).days)
        token = self._lock.nodes[node].token if node != OPERATOR else None
        if token:
            yield Expiry(BOOTSTRAP_TOKEN, node, "", token.end, (token.end - now).days)

    def all(self, now: datetime) -> list[Expiry]:
        """Every certificate of the cluster, those that expire first at the top."""
        found = [
            expiry
            for holder in (OPERATOR, *self._lock.nodes)
            for expiry in self.of_holder(holder, now)
        ]
        return sorted(found, key=lambda expiry: (expiry.not_after, expiry.holder))
