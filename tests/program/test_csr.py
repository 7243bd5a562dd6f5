"""Which certificate requests are approved: those of an elastic pool's kubelets, and no others."""

from __future__ import annotations

import base64
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nodeseed_node.csr import GROUP, SERVING, ours, refusal

CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
CONFIG = {
    "pools": {"burst": ["10.0.0.0/24"], "gpu": ["10.0.0.0/24", "fd00::/64"]},
    "taken": ["10.0.0.11", "10.0.0.100"],
    "machineDomains": [".compute.internal"],
}
BOOTSTRAP = ["system:bootstrappers", GROUP + "burst", "system:authenticated"]
NODES = ["system:nodes", "system:authenticated"]

Builder = x509.CertificateSigningRequestBuilder


def name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(kind, text, _ASN1Type.PrintableString) for kind, text in parts]
    )


def of_node(node: str) -> x509.Name:
    return name(
        (NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, f"system:node:{node}")
    )


def sans(*names: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [
            x509.DNSName(text)
            if text[-1].isalpha() or "-" in text
            else x509.IPAddress(ip_address(text))
            for text in names
        ]
    )


def pem(builder: Builder, key: Any = None) -> str:
    made = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(made.public_bytes(Encoding.PEM)).decode()


def client(node: str = "burst-1", **changes: Any) -> dict[str, Any]:
    """What a kubelet asks for with the pool's token."""
    return {
        "signerName": CLIENT,
        "username": "system:bootstrap:abcdef",
        "groups": BOOTSTRAP,
        "usages": ["digital signature", "client auth"],
        "request": pem(Builder(of_node(node))),
        **changes,
    }


def serving(*names: str, node: str = "burst-1", **changes: Any) -> dict[str, Any]:
    """What a kubelet asks for with its client certificate."""
    asked = Builder(of_node(node)).add_extension(sans(*(names or ("burst-1", "10.0.0.31"))), False)
    return {
        "signerName": SERVING,
        "username": f"system:node:{node}",
        "groups": NODES,
        "usages": ["digital signature", "server auth"],
        "request": pem(asked),
        **changes,
    }


def node(called: str, **addresses: str) -> dict[str, Any]:
    rows = [{"type": kind, "address": address} for kind, address in addresses.items()]
    return {"metadata": {"name": called}, "status": {"addresses": rows}}


THERE = [
    node("cp-1", Hostname="cp-1", InternalIP="10.0.0.11"),
    node("worker-1", Hostname="worker-1", InternalIP="10.0.0.21"),
    node("burst-1", Hostname="burst-1", InternalIP="10.0.0.31"),
]


def test_a_new_machine_gets_its_client_certificate() -> None:
    assert refusal(client("burst-2"), CONFIG, THERE) == ""
    usages = ["client auth", "key encipherment", "digital signature"]
    assert refusal(client("burst-i-0123456789abcdef0", usages=usages), CONFIG, THERE) == ""


def test_a_node_gets_its_serving_certificate() -> None:
    assert refusal(serving(), CONFIG, THERE) == ""


def test_names_that_only_the_platform_gives_are_good() -> None:
    inside = "ip-10-0-0-31.eu-central-1.compute.internal"
    there = node("burst-1", Hostname="burst-1", InternalIP="10.0.0.31", InternalDNS=inside)
    assert refusal(serving("burst-1", inside, "10.0.0.31"), CONFIG, [there]) == ""


def test_two_families_are_good() -> None:
    there = node("gpu-1", Hostname="gpu-1", InternalIP="10.0.0.31", ExternalIP="fd00::31")
    request = serving("gpu-1", "10.0.0.31", "fd00::31", node="gpu-1")
    assert refusal(request, CONFIG, [there]) == ""


def two_extensions(builder: Builder) -> Builder:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return builder.add_extension(usage, False)


def attribute(builder: Builder) -> Builder:
    return builder.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, b"please")


OTHER_SUBJECTS = {
    "no organization": name((NameOID.COMMON_NAME, "system:node:burst-2")),
    "masters": name(
        (NameOID.ORGANIZATION_NAME, "system:masters"), (NameOID.COMMON_NAME, "system:node:burst-2")
    ),
    "two organizations": name(
        (NameOID.ORGANIZATION_NAME, "system:nodes"),
        (NameOID.ORGANIZATION_NAME, "system:masters"),
        (NameOID.COMMON_NAME, "system:node:burst-2"),
    ),
    "two common names": name(
        (NameOID.ORGANIZATION_NAME, "system:nodes"),
        (NameOID.COMMON_NAME, "system:node:burst-2"),
        (NameOID.COMMON_NAME, "system:node:cp-1"),
    ),
    "a bait before": name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "system:node:burst-2"),
        (NameOID.ORGANIZATION_NAME, "system:nodes"),
        (NameOID.COMMON_NAME, "system:node:cp-1"),
    ),
    "more behind the name": of_node("burst-2.example.com"),
}


@pytest.mark.parametrize("subject", OTHER_SUBJECTS.values(), ids=OTHER_SUBJECTS)
def test_no_other_subject_passes(subject: x509.Name) -> None:
    assert refusal(client(request=pem(Builder(subject))), CONFIG, THERE)


ALTERED: dict[str, Callable[[Builder], Builder]] = {
    "a second extension": two_extensions,
    "an attribute": attribute,
    "names": lambda builder: builder.add_extension(sans("api.example.com"), False),
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_nothing_may_stand_beside_what_a_kubelet_asks_for(
    alter: Callable[[Builder], Builder],
) -> None:
    said = refusal(client(request=pem(alter(Builder(of_node("burst-2"))))), CONFIG, THERE)
    assert said == "it is not what a kubelet of burst-2 sends"


def test_no_other_kind_of_key_passes() -> None:
    key = rsa.generate_private_key(65537, 2048)
    assert refusal(client(request=pem(Builder(of_node("burst-2")), key)), CONFIG, THERE)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (client("cp-1"), "cp-1 is no machine of an elastic pool"),
        (client("worker-9"), "worker-9 is no machine of an elastic pool"),
        (client("burst"), "burst is no machine of an elastic pool"),
        (client("gpu-1"), "not with the token of pool gpu"),
        (client("burst-2", groups=NODES), "not with the token of pool burst"),
        (client("burst-1"), "there is a node burst-1"),
        (client("burst-2", usages=["server auth", "digital signature"]), "is not what a kubelet"),
        (client("burst-2", usages=["client auth"]), "is not what a kubelet"),
        (serving(username="system:node:worker-1"), "does not ask itself"),
        (serving(usages=["server auth", "digital signature", "client auth"]), "is not what"),
        (serving("burst-1", "10.0.0.31", "api.example.com"), "is not what a kubelet"),
        (serving("burst-1", "10.0.0.32"), "is not what a kubelet"),
        (serving("burst-1", "10.0.0.31", "10.0.0.100"), "is not what a kubelet"),
        (serving("worker-1", "10.0.0.21", node="worker-1"), "worker-1 is no machine"),
    ],
)
def test_anything_else_is_left_to_people(request_: dict[str, Any], expected: str) -> None:
    assert expected in refusal(request_, CONFIG, THERE)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("InternalIP", "10.0.0.11"),  # an API server's
        ("InternalIP", "10.0.0.100"),  # the endpoint's
        ("InternalIP", "10.0.0.21"),  # another node's
        ("InternalIP", "192.0.2.1"),  # in no subnet of the pool
        ("ExternalIP", "fd00::31"),  # the same
        ("InternalDNS", "api.example.com"),
        ("Hostname", "worker-1"),
        ("InternalDNS", "worker-1.compute.internal.example.com"),
    ],
)
def test_a_node_cannot_take_others_addresses_by_claiming_them(kind: str, address: str) -> None:
    """A kubelet writes its Node's addresses itself."""
    claims = node("burst-1", InternalIP="10.0.0.31")
    claims["status"]["addresses"].append({"type": kind, "address": address})
    request = serving(*sorted(["10.0.0.31", address], key=lambda text: text[0].isdigit()))
    said = refusal(request, CONFIG, [*THERE[:2], claims])
    assert said == f"{address} is not an address that burst-1 may have"


def test_only_requests_of_pools_and_serving_ones_are_looked_at() -> None:
    assert ours(client())
    assert ours(serving())
    assert not ours({**client(), "groups": NODES, "username": "system:node:burst-1"})  # a renewal
    assert not ours({**serving(), "username": "jane"})


@pytest.mark.parametrize(
    "text", ["", "AAAA", "LS0tLS0=", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIdg=="]
)
def test_what_is_no_request_is_not_approved(text: str) -> None:
    try:
        said = refusal(client(request=text), CONFIG, THERE)
    except (LookupError, ValueError):
        return
    assert said
