"""Signs certificates: the same content gives the same bytes, on every machine and in every release.

X.509 v3 as in RFC 5280; ECDSA signatures are deterministic (RFC 6979), RSA's (PKCS #1 v1.5) are by
nature. The serial follows from the content: certificates that differ anywhere never share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nodeseed.pki.certificates import CLIENT_AUTH, SERVER_AUTH, split_names
from nodeseed.pki.encoding import digest
from nodeseed.pki.keys import PrivateKey

BACKDATED = timedelta(hours=48)  # machines whose clock is behind at first boot must accept them

_USAGES = {
    SERVER_AUTH: ExtendedKeyUsageOID.SERVER_AUTH,
    CLIENT_AUTH: ExtendedKeyUsageOID.CLIENT_AUTH,
}
_SPREAD_STEPS = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything in a certificate but its keys; it follows from spec and lock, not from the seed.

    Attributes:
        common_name: subject CN.
        organization: subject O; empty for none.
        issuer: CN of the issuer.
        names: SANs, DNS names and addresses mixed.
        usages: extended key usages.
        key_encipherment: whether the key usage has keyEncipherment beside digitalSignature.
        is_ca: whether it may sign certificates (path length 0: leaves only).
        not_before: first second of validity, UTC.
        not_after: last second of validity, UTC.
    """

    common_name: str
    organization: str
    issuer: str
    names: tuple[str, ...]
    usages: tuple[str, ...]
    key_encipherment: bool
    is_ca: bool
    not_before: datetime
    not_after: datetime

    def fields(self) -> tuple[str | int, ...]:
        """All of it as a flat list, for hashing: each list is led by its length."""
        dns, addresses = split_names(self.names)
        return (
            self.common_name,
            self.organization,
            self.issuer,
            len(dns),
            *dns,
            len(addresses),
            *addresses,
            len(self.usages),
            *self.usages,
            int(self.key_encipherment),
            int(self.is_ca),
            int(self.not_before.timestamp()),
            int(self.not_after.timestamp()),
        )


def validity(
    *,
    issued: datetime,
    lifetime: timedelta,
    spread: float,
    cluster: str,
    identity: str,
    generation: int,
) -> tuple[datetime, datetime]:
    """First and last second of a certificate that was issued on the day ``issued`` (UTC).

    The lifetime differs by up to ``spread`` (0.1: ten per cent), by a public hash of cluster,
    identity and generation, so that the nodes of a cluster do not all expire in one night.
    """
    position = int.from_bytes(digest("spread", cluster, identity, generation)[:8], "big")
    part = spread * (2 * position / _SPREAD_STEPS - 1)
    hours = round(lifetime / timedelta(hours=1) * (1 + part))
    return issued - BACKDATED, issued + timedelta(hours=hours)


def serial_number(content: Content, issuer_key: bytes, public_key: bytes) -> int:
    """The first 159 bits of a hash over all that goes into the certificate; never zero.

    RFC 5280 4.1.2.2 wants positive numbers of at most 20 octets, unique for each issuer.

    Args:
        content: what it says.
        issuer_key: the issuer's public key, DER.
        public_key: the certificate's own public key, DER.
    """
    hashed = digest("serial", issuer_key, public_key, *content.fields())
    return (int.from_bytes(hashed[:20], "big") >> 1) or 1


@lru_cache(maxsize=64)
def _public_der(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@lru_cache(maxsize=64)
def _authority_key(key: PrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


@lru_cache(maxsize=256)
def _name(common_name: str, organization: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


@lru_cache(maxsize=16)
def _key_usage(is_ca: bool, key_encipherment: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def issue(content: Content, *, key: PrivateKey, issuer_key: PrivateKey) -> str:
    """Sign a certificate.

    Args:
        content: what it says.
        key: its own private key (only the public half goes in).
        issuer_key: the issuer's private key; the same as ``key`` for a CA.

    Returns:
        PEM text.
    """
    public = key.public_key()
    public_der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(content.common_name, content.organization))
        .issuer_name(_name(content.issuer, ""))
        .public_key(public)
        .serial_number(serial_number(content, _public_der(issuer_key), public_der))
        .not_valid_before(content.not_before)
        .not_valid_after(content.not_after)
        .add_extension(_key_usage(content.is_ca, content.key_encipherment), critical=True)
    )
    if content.usages:
        usages = x509.ExtendedKeyUsage([_USAGES[usage] for usage in content.usages])
        builder = builder.add_extension(usages, critical=False)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=content.is_ca, path_length=0 if content.is_ca else None),
        critical=True,
    )
    if content.is_ca:
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )
    else:
        builder = builder.add_extension(_authority_key(issuer_key), critical=False)
    dns, addresses = split_names(content.names)
    if dns or addresses:
        alternative = [
            *(x509.DNSName(name) for name in dns),
            *(x509.IPAddress(ip_address(address)) for address in addresses),
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    if isinstance(issuer_key, rsa.RSAPrivateKey):
        signed = builder.sign(issuer_key, hashes.SHA256())
    else:
        strong = issuer_key.curve.key_size > 256
        algorithm = hashes.SHA384() if strong else hashes.SHA256()
        signed = builder.sign(issuer_key, algorithm, ecdsa_deterministic=True)
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def day(moment: datetime) -> datetime:
    """Midnight (UTC) of the day of ``moment``: certificates are issued by the day."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
