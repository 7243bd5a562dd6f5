"""Every certificate of every node, as OpenSSL and zlint see it."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from nodeseed.pki.certificates import BY_NAME, CERTIFICATES, Certificate, split_names
from nodeseed_lab.programs import program

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

PURPOSES = {"serverAuth": "sslserver", "clientAuth": "sslclient"}

STORED: dict[str, Any] = {
    "keys": "stored",
    "classes": {
        "ca": {"algorithm": "RSA-2048", "lifetime": "87600h"},
        "server": {"algorithm": "ECDSA-P384", "lifetime": "8760h"},
        "peer": {"algorithm": "RSA-2048", "lifetime": "8760h"},
    },
}
CLUSTERS: dict[str, dict[str, Any]] = {
    "derived": {},
    "stored": {"pki": STORED},
    "cfssl": {"pki": {"profile": "cfssl"}},
    "dedicated-etcd-dual-stack": {
        "networking": {
            "podSubnet": ["10.244.0.0/16", "fd01::/48"],
            "serviceSubnet": ["10.96.0.0/12", "fd02::/112"],
            "nodeSubnet": ["10.0.0.0/24", "fd00::/64"],
        },
        "nodes": [
            {"name": "etcd-1", "role": "etcd", "address": ["10.0.0.1", "fd00::1"]},
            {"name": "cp-1", "role": "control-plane", "address": ["10.0.0.11", "fd00::11"]},
            {"name": "worker-1", "role": "worker", "address": ["10.0.0.21", "fd00::21"]},
        ],
    },
}

# Rules that a cluster's own PKI is not made for: zlint's sources that we leave out, and why.
OTHER_WORLDS = {
    "Apple": "a browser's root program",
    "CABF_BR": "the public web's rules: names under public TLDs, 200 days, revocation lists",
    "CABF_CS_BR": "code signing",
    "CABF_EV": "the public web's rules for extended validation",
    "CABF_SMIME_BR": "mail",
    "Chrome": "a browser's root program",
    "ETSI_ESI": "qualified signatures under European law",
    "Mozilla": "a browser's root program",
}
# Findings of level error that we accept, by profile of certificates, and why.
ACCEPTED: dict[str, dict[str, str]] = {
    "kubeadm": {},
    "cfssl": {
        "e_ecdsa_allowed_ku": "cfssl's profiles say key encipherment, whatever the key",
        "e_key_usage_and_extended_key_usage_inconsistent": "the same, beside client auth",
    },
}


class Pair(NamedTuple):
    """A certificate and its key as they lie on an installed node."""

    row: Certificate
    certificate: Path
    key: Path
    issuer: Path


@pytest.fixture(params=CLUSTERS)
def installed(
    request: pytest.FixtureRequest, render: "Callable[..., Rendered]", tmp_path: Path
) -> "tuple[Rendered, dict[str, Path]]":
    """A cluster, and every node of it with its files in place."""
    rendered = render(**CLUSTERS[request.param])
    return rendered, {node: rendered.install(node, tmp_path / node) for node in rendered.nodes}


def pairs(rendered: "Rendered", roots: dict[str, Path]) -> Iterator[tuple[Any, Pair]]:
    """Every machine with each of its pairs; kubeconfigs taken apart."""
    for machine in rendered.design.machines:
        root = roots[machine.name]
        for row in rendered.design.certificates(machine):
            if row.issuer is None:
                continue
            base = root / row.path[1:]
            certificate, key = Path(f"{base}.crt"), Path(f"{base}.key")
            issuer = root / f"{BY_NAME[row.issuer].path[1:]}.crt"
            if row.kubeconfig:
                document = yaml.safe_load(base.read_text())
                (user,), (cluster,) = document["users"], document["clusters"]
                data = {**user["user"], **cluster["cluster"]}
                issuer = base.with_suffix(".ca")
                issuer.write_bytes(base64.b64decode(data["certificate-authority-data"]))
                certificate.write_bytes(base64.b64decode(data["client-certificate-data"]))
                key.write_bytes(base64.b64decode(data["client-key-data"]))
            yield machine, Pair(row, certificate, key, issuer)


def openssl(*arguments: str | Path) -> str:
    """What OpenSSL prints; it must succeed."""
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def refused(pair: Pair, *arguments: str | Path) -> bool:
    """Whether `openssl verify` refuses the certificate."""
    command = ["openssl", "verify", "-x509_strict", "-CAfile", pair.issuer, *arguments]
    done = subprocess.run([*command, pair.certificate], capture_output=True, text=True, check=False)
    return "verification failed" in done.stderr


def test_openssl_verifies_each_for_its_purposes_and_no_other(
    installed: "tuple[Rendered, dict[str, Path]]",
) -> None:
    for _, pair in pairs(*installed):
        allowed = {PURPOSES[usage] for usage in pair.row.usages}
        for purpose in PURPOSES.values():
            assert refused(pair, "-purpose", purpose) == (purpose not in allowed), pair.certificate


def test_openssl_verifies_each_under_its_own_authority_only(
    installed: "tuple[Rendered, dict[str, Path]]",
) -> None:
    rendered, roots = installed
    authorities = [row for row in CERTIFICATES if row.is_ca]
    control_plane = next(m.name for m in rendered.design.machines if m.role == "control-plane")
    files = {row.name: roots[control_plane] / f"{row.path[1:]}.crt" for row in authorities}
    for file in files.values():
        openssl("verify", "-x509_strict", "-CAfile", file, file)
    for _, pair in pairs(rendered, roots):
        assert [
            name for name, file in files.items() if not refused(pair._replace(issuer=file))
        ] == [pair.row.issuer]


def test_openssl_finds_every_name_that_a_server_answers_to(
    installed: "tuple[Rendered, dict[str, Path]]",
) -> None:
    rendered, roots = installed
    for machine, pair in pairs(rendered, roots):
        names, addresses = split_names(pair.row.alternative_names(rendered.design.names(machine)))
        assert bool(names) == ("serverAuth" in pair.row.usages)
        for name in names:
            assert not refused(pair, "-verify_hostname", name)
        for address in addresses:
            assert not refused(pair, "-verify_ip", address)
        if names:
            assert refused(pair, "-verify_hostname", "other.example.com")
            assert refused(pair, "-verify_ip", "192.0.2.1")


def test_each_is_valid_from_two_days_ago_until_its_class_says(
    installed: "tuple[Rendered, dict[str, Path]]",
) -> None:
    now = datetime.now(UTC)
    for _, pair in pairs(*installed):
        lifetime = getattr(installed[0].design.cluster.pki.classes, pair.row.klass).lifetime
        days = {
            -timedelta(days=4): False,
            -timedelta(days=1, hours=22): True,
            lifetime * 0.9 - timedelta(days=3): True,
            lifetime * 1.1 + timedelta(days=1): False,
        }
        for away, valid in days.items():
            at = str(int((now + away).timestamp()))
            assert refused(pair, "-attime", at) != valid, (pair.certificate, away)


def test_each_key_belongs_to_its_certificate(
    installed: "tuple[Rendered, dict[str, Path]]",
) -> None:
    rendered, roots = installed
    for _, pair in pairs(rendered, roots):
        public = openssl("x509", "-in", pair.certificate, "-noout", "-pubkey")
        assert openssl("pkey", "-in", pair.key, "-pubout", "-check").endswith(public)
    for machine in rendered.design.machines:
        if machine.role == "control-plane":
            sa = roots[machine.name] / "etc/kubernetes/pki/sa"
            assert openssl("pkey", "-in", f"{sa}.key", "-pubout") == Path(f"{sa}.pub").read_text()


def test_zlint_has_no_error_to_report(installed: "tuple[Rendered, dict[str, Path]]") -> None:
    zlint = [program("zlint"), "-excludeSources", ",".join(OTHER_WORLDS)]
    accepted = ACCEPTED[installed[0].design.cluster.pki.profile]
    wrong: set[tuple[str | None, str]] = set()
    for _, pair in pairs(*installed):
        for name, file in ((pair.row.name, pair.certificate), (pair.row.issuer, pair.issuer)):
            said = subprocess.run([*zlint, file], capture_output=True, text=True, check=True)
            findings = json.loads(said.stdout)
            assert any(finding["result"] == "pass" for finding in findings.values())
            wrong |= {
                (name, lint)
                for lint, finding in findings.items()
                if finding["result"] in ("error", "fatal") and lint not in accepted
            }
    assert wrong == set()
