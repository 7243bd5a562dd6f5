"""The floor: what keys and certificates cost with the cryptography library alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import prepare
from nodeseed.pki.authority import Content
from nodeseed.pki.certificates import CERTIFICATES, Names, identity, split_names
from nodeseed.pki.encoding import SCHEME, length_prefixed
from nodeseed.pki.identities import Statements

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclasses.dataclass(frozen=True)
class Pair:
    """One key pair as the floor is told of it."""

    info: bytes
    content: Content | None
    issuer: str
    serial: int


def known_pairs(folder: Path) -> Iterator[Pair]:
    """Every key pair of the cluster, CAs first, worked out before the clock runs."""
    state = ClusterState(folder / "bench.yaml")
    design, lock = prepare(state), state.required_lock()
    statements = Statements(design.cluster.pki, lock)
    rows: list[tuple[Any, Names]] = [
        (row, Names())
        for row in sorted(CERTIFICATES, key=lambda row: not row.is_ca)
        if not row.of_node
    ]
    for machine in design.machines:
        names = design.names(machine)
        rows += [(row, names) for row in design.certificates(machine) if row.of_node]
    for serial, (row, names) in enumerate(rows, 1):
        info = length_prefixed(
            (SCHEME, "key", lock.cluster, identity(row, names.node), "ECDSA-P256", 1)
        )
        content = statements.content(row, names) if row.issuer else None
        # As long as real ones, so that the certificates have the same size.
        yield Pair(info, content, row.issuer or "", (1 << 158) + serial)


def issue_all(pairs: list[Pair], secret: bytes) -> int:
    """Derive, sign and write PEM, with the library alone; gives the bytes made."""
    authorities: dict[str, ec.EllipticCurvePrivateKey] = {}
    shared: dict[str, list[tuple[x509.ExtensionType, bool]]] = {}
    names: dict[tuple[str, str], x509.Name] = {}
    made = 0
    for pair in pairs:
        material = HKDFExpand(hashes.SHA256(), 48, pair.info).derive(secret)
        scalar = int.from_bytes(material, "big") % (_ORDER - 1) + 1
        key = ec.derive_private_key(scalar, ec.SECP256R1())
        made += len(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        content = pair.content
        if content is None:
            continue
        if content.is_ca:
            authorities[pair.issuer] = key
        issuer_key = authorities[pair.issuer]
        kind = f"{pair.issuer}{content.usages}{content.is_ca}"
        if kind not in shared:
            shared[kind] = _extensions(content, issuer_key)
        subject = (content.common_name, content.organization)
        for name in (subject, (content.issuer, "")):
            if name not in names:
                names[name] = _name(*name)
        builder = x509.CertificateBuilder(
            issuer_name=names[content.issuer, ""],
            subject_name=names[subject],
            public_key=key.public_key(),
            serial_number=pair.serial,
            not_valid_before=content.not_before.replace(tzinfo=None),
            not_valid_after=content.not_after.replace(tzinfo=None),
            extensions=[
                x509.Extension(extension.oid, critical, extension)
                for extension, critical in (*shared[kind], *_alternative(content))
            ],
        )
        signed = builder.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=True)
        made += len(signed.public_bytes(serialization.Encoding.PEM))
    return made


def _name(common_name: str, organization: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _extensions(
    content: Content, issuer_key: ec.EllipticCurvePrivateKey
) -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=content.is_ca,
        crl_sign=content.is_ca,
        encipher_only=False,
        decipher_only=False,
    )
    oids = {
        "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
        "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    found: list[tuple[x509.ExtensionType, bool]] = [(usage, True)]
    if content.usages:
        found.append((x509.ExtendedKeyUsage([oids[usage] for usage in content.usages]), False))
    found.append((x509.BasicConstraints(content.is_ca, 0 if content.is_ca else None), True))
    public = issuer_key.public_key()
    found.append(
        (x509.SubjectKeyIdentifier.from_public_key(public), False)
        if content.is_ca
        else (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False)
    )
    return found


def _alternative(content: Content) -> list[tuple[x509.ExtensionType, bool]]:
    if not content.names:
        return []
    dns, addresses = split_names(content.names)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    names += [x509.IPAddress(ip_address(address)) for address in addresses]
    return [(x509.SubjectAlternativeName(names), False)]
