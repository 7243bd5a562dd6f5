"""Certificates: their contract (RFC 5280), their dates, and that content decides the serial."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from nodeseed.pki.authority import Content, issue, serial_number, validity
from nodeseed.pki.keys import DerivedKeys
from nodeseed.pki.seed import Seed
from tests.conftest import NOW, Workplace

KEYS = DerivedKeys(Seed(bytes(32)), "test")
DAY = datetime(2026, 11, 24, tzinfo=UTC)


def content(**changes: Any) -> Content:
    values: dict[str, Any] = {
        "common_name": "leaf",
        "organization": "",
        "issuer": "ca",
        "names": ("a.example.com", "10.0.0.1"),
        "usages": ("serverAuth",),
        "key_encipherment": False,
        "is_ca": False,
        "not_before": DAY,
        "not_after": DAY + timedelta(days=1),
    }
    return Content(**{**values, **changes})


def test_the_same_content_gives_the_same_bytes() -> None:
    ca, leaf = KEYS.key("ca", "ECDSA-P256", 1), KEYS.key("leaf", "ECDSA-P256", 1)
    assert issue(content(), key=leaf, issuer_key=ca) == issue(content(), key=leaf, issuer_key=ca)


FIELDS = st.fixed_dictionaries(
    {
        "common_name": st.sampled_from(["a", "b", "ab"]),
        "organization": st.sampled_from(["", "a", "b"]),
        "issuer": st.sampled_from(["ca", "a"]),
        "names": st.lists(
            st.sampled_from(["a", "b", "10.0.0.1", "fd00::1"]), max_size=3, unique=True
        )
        .map(sorted)
        .map(tuple),
        "usages": st.sampled_from(
            [(), ("serverAuth",), ("clientAuth",), ("serverAuth", "clientAuth")]
        ),
        "key_encipherment": st.booleans(),
        "is_ca": st.booleans(),
        "not_after": st.sampled_from([DAY, DAY + timedelta(seconds=1)]),
    }
)


@given(FIELDS, FIELDS)
@settings(max_examples=300)
def test_different_content_never_shares_a_serial(one: Any, other: Any) -> None:
    first, second = content(**one), content(**other)
    same = first == second
    assert (serial_number(first, b"ca", b"k") == serial_number(second, b"ca", b"k")) == same
    assert serial_number(first, b"ca", b"k") != serial_number(first, b"ca2", b"k")
    assert serial_number(first, b"ca", b"k") != serial_number(first, b"ca", b"k2")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_serials_are_what_rfc_5280_wants(issuer: bytes, public: bytes) -> None:
    assert 0 < serial_number(content(), issuer, public) < 2**159


def test_lifetimes_spread_by_ten_per_cent_and_no_more() -> None:
    lifetime = timedelta(hours=26280)
    lives = set()
    for number in range(500):
        first, last = validity(
            issued=DAY,
            lifetime=lifetime,
            spread=0.1,
            cluster="test",
            identity=f"kubelet-client/w-{number}",
            generation=1,
        )
        assert first == DAY - timedelta(hours=48)
        assert 0.9 * lifetime <= last - DAY <= 1.1 * lifetime
        lives.add(last)
    assert len(lives) > 400
    assert max(lives) - min(lives) > 0.19 * lifetime


def _certificates(workplace: Workplace, node: str) -> dict[str, x509.Certificate]:
    return {
        path: x509.load_pem_x509_certificate(text.encode())
        for path, text in workplace.tree(node).items()
        if path.endswith(".crt")
    }


def test_every_certificate_is_what_its_row_says(workplace: Workplace) -> None:
    workplace.render()
    for certificate in _certificates(workplace, "cp-1").values():
        assert certificate.version is x509.Version.v3
        assert certificate.not_valid_before_utc == DAY - timedelta(hours=48)
        assert certificate.not_valid_after_utc > NOW + timedelta(days=900)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert usage.critical
        assert constraints.critical
        assert usage.value.digital_signature
        assert usage.value.key_cert_sign == constraints.value.ca
        assert not usage.value.key_encipherment


def test_names_and_usages_are_those_that_are_needed_and_no_more(workplace: Workplace) -> None:
    workplace.render()
    found = _certificates(workplace, "cp-1")
    api = found["/etc/kubernetes/pki/apiserver.crt"]
    names = api.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "cp-1",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
        "api.test.example.com",
    ]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["10.96.0.1", "10.0.0.11", "127.0.0.1"]
    usages = api.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.SERVER_AUTH]
    client = found["/kubeconfig/kubelet.conf.crt"]
    assert client.subject.rfc4514_string() == "CN=system:node:cp-1,O=system:nodes"
    try:
        client.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        pass
    else:
        raise AssertionError("a client certificate has SANs")
