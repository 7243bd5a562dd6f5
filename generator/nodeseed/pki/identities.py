"""Every identity of one cluster: what its certificate says, and the PEM of key and certificate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from nodeseed.errors import CertificateError
from nodeseed.pki.authority import Content, issue
from nodeseed.pki.certificates import (
    BY_NAME,
    CERTIFICATES,
    PROFILES,
    Certificate,
    Names,
    Profile,
    identity,
)
from nodeseed.pki.dates import Dates
from nodeseed.pki.encoding import digest
from nodeseed.pki.keys import KeySource, PrivateKey, node_pem, private_pem, public_pem
from nodeseed.pki.lock import Lock
from nodeseed.spec.cluster import Pki


class Statements:
    """What each certificate says: follows from the cluster file and the lock, never from the seed.

    Args:
        pki: the ``pki`` section of the cluster file.
        lock: when everything was issued.
    """

    def __init__(self, pki: Pki, lock: Lock) -> None:
        self._pki = pki
        self._lock = lock
        self.profile: Profile = PROFILES[pki.profile]
        self.calendar = Dates(lock)

    def algorithm(self, row: Certificate) -> str:
        """The key's algorithm."""
        algorithm: str = getattr(self._pki.classes, row.klass).algorithm
        return algorithm

    def generation(self, row: Certificate, node: str) -> int:
        """How often the identity's keys were replaced, from 1."""
        return self.calendar.generation(row, node)

    def common_name(self, row: Certificate, node: str) -> str:
        """The subject's Common Name."""
        return self.profile.common_names.get(row.name, row.common_name).format(node=node)

    def dates(self, row: Certificate, node: str) -> tuple[datetime, datetime]:
        """First and last second of validity (UTC)."""
        return self.calendar.of(row, node)

    def content(self, row: Certificate, names: Names) -> Content:
        """Everything that the certificate says."""
        assert row.issuer  # noqa: S101 - bare key pairs have no certificate
        node = names.node
        first, last = self.dates(row, node)
        common_name = self.common_name(row, node)
        encipherment = self.profile.key_encipherment
        if encipherment is None:
            encipherment = self.algorithm(row).startswith("RSA")
        return Content(
            common_name=common_name,
            organization=row.organization,
            issuer=self.common_name(BY_NAME[row.issuer], ""),
            # kubeadm gives a CA its own name as DNS name.
            names=(common_name,) if row.is_ca else row.alternative_names(names),
            usages=row.usages,
            key_encipherment=encipherment and not row.is_ca,
            is_ca=row.is_ca,
            not_before=first,
            not_after=last,
        )

    def authorities(self) -> dict[str, str]:
        """For each CA, and for the key that signs tokens, a digest of all that must not change."""
        found = {}
        for row in CERTIFICATES:
            if row.is_ca:
                fields = self.content(row, Names()).fields()
                found[row.name] = digest("authority", self.algorithm(row), *fields).hex()[:32]
            elif row.issuer is None:
                found[row.name] = digest("authority", self.algorithm(row)).hex()[:32]
        return found

    def refuse_new_authorities(self) -> None:
        """Raise CertificateError where a CA would differ from the one that nodes trust already."""
        old = self._lock.authorities
        changed = [name for name, now in self.authorities().items() if old and old.get(name) != now]
        if changed:
            raise CertificateError(
                f"the certificate authority {', '.join(changed)} would change, and every node that "
                "runs would trust a stranger: undo the change of pki.profile or "
                "pki.classes (algorithm; for a CA also lifetime) in the cluster file"
            )


class Identities:
    """Keys and certificates themselves; needs the seed.

    Args:
        statements: what each certificate says.
        keys: where keys come from.
        names: what a node's certificates are made out to, by the node's name.
    """

    def __init__(
        self, statements: Statements, keys: KeySource, names: Callable[[str], Names]
    ) -> None:
        self._statements = statements
        self._keys = keys
        self._names = names
        self._shared: dict[tuple[str, str], str] = {}
        self._authorities: dict[str, PrivateKey] = {}
        # The last key made, since a pair is asked for its two halves one after the other.
        self._last: tuple[str, PrivateKey] | None = None

    def pem(self, kind: str, name: str) -> str:
        """The text behind a reference: ``key``, ``certificate`` or ``public`` of ``row/node``."""
        row_name, _, node = name.partition("/")
        row = BY_NAME[row_name]
        if node:
            return self._make(kind, row, node)
        if (kind, name) not in self._shared:
            self._shared[kind, name] = self._make(kind, row, "")
        return self._shared[kind, name]

    def _make(self, kind: str, row: Certificate, node: str) -> str:
        key = self._key(row, node)
        if kind == "key":
            return private_pem(key) if row.holder == "operator" else node_pem(key)
        if kind == "public":
            return public_pem(key)
        assert row.issuer  # noqa: S101
        content = self._statements.content(row, self._names(node))
        return issue(content, key=key, issuer_key=self._authority(row.issuer))

    def _authority(self, name: str) -> PrivateKey:
        if name not in self._authorities:
            self._authorities[name] = self._key(BY_NAME[name], "")
        return self._authorities[name]

    def _key(self, row: Certificate, node: str) -> PrivateKey:
        name = identity(row, node)
        if self._last and self._last[0] == name:
            return self._last[1]
        key = self._keys.key(
            name, self._statements.algorithm(row), self._statements.generation(row, node)
        )
        self._last = (name, key)
        return key


def lifetimes(pki: Pki) -> Mapping[str, timedelta]:
    """Lifetime of each class, as the cluster file says."""
    return {klass: settings.lifetime for klass, settings in pki.classes}
