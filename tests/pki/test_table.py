"""The certificate table itself, and that nodes hold their own keys and nobody else's."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from nodeseed.pki.certificates import BY_NAME, CERTIFICATES, TRUST
from tests.conftest import Workplace


def test_names_and_paths_are_unique() -> None:
    assert len({row.name for row in CERTIFICATES}) == len(CERTIFICATES)
    assert len({row.path for row in CERTIFICATES}) == len(CERTIFICATES)


def test_every_issuer_is_a_ca_and_every_ca_is_its_own() -> None:
    for row in CERTIFICATES:
        if row.issuer:
            assert BY_NAME[row.issuer].is_ca
        assert row.purpose.endswith(".")
        assert row.is_ca == (row.klass == "ca")


def test_leaves_have_usages_and_servers_have_names() -> None:
    for row in CERTIFICATES:
        if row.issuer and not row.is_ca:
            assert row.usages
            serves = "serverAuth" in row.usages
            assert serves == (row.alternative_names.__name__ != "no_names")


def test_holders_can_check_each_other() -> None:
    for row in CERTIFICATES:
        if row.of_node and row.issuer:
            assert row.issuer in TRUST[row.holder]


def _public(pem: str) -> bytes:
    key = load_pem_private_key(pem.encode(), None)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_no_key_lies_on_a_node_that_does_not_hold_it(workplace: Workplace) -> None:
    workplace.render()
    owners: dict[bytes, set[str]] = {}
    for node in ("cp-1", "cp-2", "cp-3", "worker-1"):
        for content in workplace.tree(node).values():
            if "PRIVATE KEY" in content:
                owners.setdefault(_public(content), set()).add(node)
    shared = [nodes for nodes in owners.values() if len(nodes) > 1]
    assert shared == [{"cp-1", "cp-2", "cp-3"}]  # sa.key, and nothing else
    authorities = {
        x509.load_pem_x509_certificate(content.encode())
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for path, content in workplace.tree("cp-1").items()
        if path.endswith("ca.crt")
    }
    assert len(authorities) == 3
    assert not authorities & set(owners)


@pytest.mark.parametrize(
    ("node", "way", "expected"),
    [
        *(
            ("worker-1", way, {"kubelet-client", "kubelet-server"})
            for way in ("kubeadm", "rendered")
        ),
        *(
            (
                "cp-1",
                way,
                {
                    row.name
                    for row in CERTIFICATES
                    if row.holder not in ("operator", "kube-vip") and row.way in ("", way)
                },
            )
            for way in ("kubeadm", "rendered")
        ),
    ],
)
def test_a_node_has_every_key_that_its_role_holds(
    workplace: Workplace, node: str, way: str, expected: set[str]
) -> None:
    workplace.write(lambda spec: spec.update(controlPlane={"manifests": way}))
    workplace.render()
    keys = {path for path in workplace.tree(node) if path.endswith(".key")}
    wanted = set()
    for name in expected:
        row = BY_NAME[name]
        path = f"/kubeconfig/{row.path.rpartition('/')[2]}" if row.kubeconfig else row.path
        wanted.add(f"{path}.key")
    assert keys == wanted


def test_the_ca_key_lies_on_control_planes_only_when_asked_for(workplace: Workplace) -> None:
    workplace.write(lambda spec: spec.update(pki={"caKeysOnNodes": "control-plane"}))
    workplace.render()
    assert "/etc/kubernetes/pki/ca.key" in workplace.tree("cp-1")
    assert "/etc/kubernetes/pki/etcd/ca.key" not in workplace.tree("cp-1")
    assert "/etc/kubernetes/pki/front-proxy-ca.key" not in workplace.tree("cp-1")
    assert "/etc/kubernetes/pki/ca.key" not in workplace.tree("worker-1")
    assert "rotateCertificates: true" in workplace.tree("worker-1")["/var/lib/kubelet/config.yaml"]
