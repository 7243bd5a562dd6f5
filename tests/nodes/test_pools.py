"""Elastic pools: what is refused, and what machines, control planes and Terraform are told."""

from __future__ import annotations

import copy
import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
import yaml

from nodeseed import changes
from nodeseed.errors import CertificateError
from nodeseed.pki.dates import Dates
from nodeseed.pki.lock import dump_lock, load_lock
from tests.conftest import NOW, Change, Workplace, design_of
from tests.nodes.changes import assert_refused, aws, drop, put

KUBELET = "/var/lib/kubelet/config.yaml"
MANIFEST = "/etc/nodeseed/manifests/pools.yaml"


def elastic(spec: dict[str, Any]) -> None:
    """The valid cluster with an elastic pool."""
    spec["pki"] = {"caKeysOnNodes": "control-plane"}
    spec["pools"] = [{"name": "burst", "role": "worker", "elastic": {"max": 10}}]


def cloud(spec: dict[str, Any]) -> None:
    """The same on AWS, in one of two zones, fetched from a bucket."""
    aws(spec)
    elastic(spec)
    spec["networking"]["subnets"].append({"cidr": "10.0.1.0/24", "zone": "eu-central-1b"})
    spec["transport"] = {"name": "s3", "bucket": "example-bucket"}
    spec["pools"][0].update(
        elastic={"min": 1, "max": 4, "zones": ["eu-central-1b"]},
        labels={"tier": "burst"},
        taints=[{"key": "dedicated", "value": "burst", "effect": "NoSchedule"}],
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (drop("pools.0.elastic"), "neither how many machines it has nor is it elastic"),
        (put("pools.0.count", 3), "burst has count"),
        (put("pools.0.firstAddress", "10.0.0.50"), "burst has firstAddress"),
        (put("pools.0.role", "etcd"), "write role: worker"),
        (drop("pki.caKeysOnNodes"), "write `pki: {caKeysOnNodes: control-plane}`"),
        (put("pools.0.elastic.min", 11), "min 11 is more than max 10"),
        (put("pools.0.elastic.tokenLifetime", "24h"), "24h: days are counted from midnight"),
        (put("pools.0.elastic.tokenLifetime", "8784h"), "join for more than a year"),
        (put("pools.0.name", "b" * 44), "is longer than 43 characters"),
        (put("nodes.3.name", "burst-x"), "known by the beginning burst-, which burst-x has, too"),
        (put("nodes.3.name", "burst"), "burst is there twice"),
        (
            lambda spec: spec["pools"].append(
                copy.deepcopy({**spec["pools"][0], "name": "burst-gpu"})
            ),
            "known by the beginning burst-, which burst-gpu has, too",
        ),
        (put("pools.0.elastic.zones", ["moon"]), "no subnet lies in zone moon"),
        (drop("networking.nodeSubnet"), "nothing says in which subnet machines of pool burst"),
        (put("pools.0.labels", {"kubernetes.io/role": "x"}), "a kubelet may not give its own node"),
        (put("pools.0.elastic.max", 253), "there are 257"),
    ],
)
def test_what_cannot_work_is_refused_with_the_cure(change: Change, expected: str) -> None:
    assert_refused([elastic, change], expected)


def test_bridge_cannot_guess_addresses_of_ipv6() -> None:
    def six(spec: dict[str, Any]) -> None:
        spec["networking"] = {
            "podSubnet": "fd00:1::/48",
            "serviceSubnet": "fd00:2::/112",
            "nodeSubnet": "fd00::/64",
        }
        for number, node in enumerate(spec["nodes"]):
            node["address"] = f"fd00::{number + 1:x}"

    assert_refused([elastic, six], "cni: bridge reaches the first addresses of an IPv6 subnet only")


def test_a_pool_has_one_user_data_without_any_key(workplace: Workplace) -> None:
    workplace.write(elastic)
    report = workplace.render()
    assert [(row.node, row.role, row.expires_in_days) for row in report.rows][-1] == (
        *("burst", "elastic"),
        89,
    )
    assert {path for path in workplace.files() if path.startswith("burst/")} == {"burst/user-data"}
    tree = workplace.tree("burst")
    assert not [path for path, text in tree.items() if "PRIVATE KEY" in text]
    assert "/etc/kubernetes/kubelet.conf" not in tree
    config = yaml.safe_load(tree[KUBELET])
    assert (config["serverTLSBootstrap"], config["rotateCertificates"]) == (True, True)
    assert "serverTLSBootstrap" not in yaml.safe_load(workplace.tree("worker-1")[KUBELET])
    settings = yaml.safe_load((workplace.out / "burst" / "user-data").read_text())
    assert "hostname" not in settings


def secrets(text: str) -> list[dict[str, str]]:
    return [item["stringData"] for item in yaml.safe_load_all(text) if item["kind"] == "Secret"]


def test_control_planes_know_the_token_that_the_machines_have(workplace: Workplace) -> None:
    workplace.write(elastic)
    workplace.render()
    conf = yaml.safe_load(workplace.tree("burst")["/etc/kubernetes/bootstrap-kubelet.conf"])
    for text in (workplace.tree("cp-3")[MANIFEST], (workplace.out / "pools.yaml").read_text()):
        [data] = secrets(text)
        token = f"{data['token-id']}.{data['token-secret']}"
        assert conf["users"][0]["user"] == {"token": token}
        assert data["expiration"] == "2027-02-22T00:00:00Z"
        assert data["auth-extra-groups"] == "system:bootstrappers:nodeseed:burst"
        assert [key for key in data if key.startswith("usage-")] == [
            "usage-bootstrap-authentication"
        ]
    assert MANIFEST not in workplace.tree("worker-1")
    assert token not in (workplace.folder / "test.lock.json").read_text()


def test_manifests_of_our_own_let_tokens_work_and_end(workplace: Workplace) -> None:
    workplace.write(elastic, put("controlPlane.manifests", "rendered"))
    workplace.render()
    tree = workplace.tree("cp-1")
    assert (
        "--enable-bootstrap-token-auth=true"
        in tree["/etc/nodeseed/control-plane/kube-apiserver.yaml"]
    )
    assert (
        "--controllers=*,tokencleaner"
        in tree["/etc/nodeseed/control-plane/kube-controller-manager.yaml"]
    )
    objects = json.loads(tree["/etc/nodeseed/objects.yaml"])
    assert any(item["metadata"]["name"].startswith("bootstrap-token-") for item in objects)


def test_a_new_pool_changes_no_worker_and_a_larger_one_nothing_at_all(
    workplace: Workplace,
) -> None:
    workplace.write(put("pki.caKeysOnNodes", "control-plane"))
    workplace.render()
    workplace.write(elastic)
    assert workplace.render().changed == ["cp-1", "cp-2", "cp-3", "burst"]
    workplace.write(elastic, put("pools.0.elastic.max", 20))
    assert workplace.render().changed == []


def test_a_token_ends_on_its_day_and_is_renewed_by_name_alone(workplace: Workplace) -> None:
    workplace.write(elastic)
    first = workplace.render()
    assert not [note for note in first.notes if "token" in note]
    late = NOW + timedelta(days=70)
    said = [note for note in workplace.render(late).notes if "token" in note]
    assert said == [
        (
            "The bootstrap token of pool burst ends on 2027-02-22; new machines cannot join after "
            "that: nodeseed renew --node burst"
        )
    ]
    dead = NOW + timedelta(days=90)
    with pytest.raises(CertificateError, match=r"expired on 2027-02-22; .* renew --node burst"):
        workplace.render(dead)
    changes.renew(workplace.state, nodes=[], classes=[], new_keys=False, now=dead)
    with pytest.raises(CertificateError, match="bootstrap token of pool burst"):
        workplace.render(dead)
    before = (workplace.out / "pools.yaml").read_text()
    said_then = changes.renew(
        workplace.state, nodes=["burst"], classes=[], new_keys=False, now=dead
    )
    assert "kubectl apply -f pools.yaml" in said_then
    again = workplace.render(dead)
    assert {"cp-1", "burst"} <= set(again.changed)
    assert again.lock.clusterRevision > first.lock.clusterRevision
    [old], [new] = secrets(before), secrets((workplace.out / "pools.yaml").read_text())
    assert new["expiration"] == "2027-05-23T00:00:00Z"
    assert old["token-secret"] != new["token-secret"]
    for new_keys, expected in ((False, "of today already"), (True, "has a new token")):
        assert expected in changes.renew(
            workplace.state, nodes=["burst"], classes=[], new_keys=new_keys, now=dead
        )
    workplace.render(dead)
    [newest] = secrets((workplace.out / "pools.yaml").read_text())
    assert newest["token-secret"] != new["token-secret"]


def test_certs_lists_tokens_by_their_absolute_end(workplace: Workplace) -> None:
    workplace.write(elastic)
    lock = workplace.render().lock
    assert load_lock(dump_lock(lock), "lock") == lock
    [row] = [row for row in Dates(lock).all(NOW) if row.holder == "burst"]
    assert (row.certificate, f"{row.not_after:%Y-%m-%d}", row.days) == (
        *("bootstrap-token", "2027-02-22"),
        89,
    )


def test_a_pool_that_goes_and_returns_gets_another_token(workplace: Workplace) -> None:
    workplace.write(elastic)
    workplace.render()
    [old] = secrets((workplace.out / "pools.yaml").read_text())
    workplace.write(put("pki.caKeysOnNodes", "control-plane"))
    workplace.render()
    assert not (workplace.out / "burst").exists()
    assert not (workplace.out / "pools.yaml").exists()
    workplace.write(elastic)
    workplace.render()
    [new] = secrets((workplace.out / "pools.yaml").read_text())
    assert old["token-id"] != new["token-id"]


@pytest.mark.parametrize(
    "provider", ["haproxy-keepalived", "lvs-keepalived", "kube-vip", "node-local"]
)
def test_it_goes_with_every_load_balancer(workplace: Workplace, provider: str) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["endpoint"].update(provider=provider)
        if provider != "node-local":
            spec["endpoint"].update(address="10.0.0.100")
        del spec["nodes"][3]

    workplace.write(elastic, change)
    workplace.render()
    tree = workplace.tree("burst")
    assert ("/etc/haproxy/haproxy.cfg" in tree) == (provider == "node-local")
    taken = json.loads(workplace.tree("cp-1")["/etc/nodeseed/config.json"])["taken"]
    assert ("10.0.0.100" in taken) == (provider != "node-local")
    assert {"10.0.0.11", "10.0.0.12", "10.0.0.13"} <= set(taken)


def test_on_aws_machines_are_told_how_to_name_themselves(workplace: Workplace) -> None:
    workplace.write(
        cloud, put("apiServer.certSANs", ["api.eu-central-1.compute.internal", "192.0.2.10"])
    )
    workplace.render()
    assert {path for path in workplace.files() if path.startswith("burst/")} == {
        *("burst/user-data", "burst/user-data.yaml", "burst/user-data.b64"),
        *("burst/payload", "burst/iam-policy.json"),
    }
    files = {path: text for path, _, text in payload(workplace, "burst")}
    config = json.loads(next(text for path, text in files.items() if path.endswith("config.json")))
    assert config["providerID"] == "aws:///ZONE/INSTANCE-ID"
    assert (config["poolSubnets"], config["zoned"]) == (["10.0.1.0/24"], True)
    files = {path: text for path, _, text in payload(workplace, "cp-1")}
    config = json.loads(next(text for path, text in files.items() if path.endswith("config.json")))
    assert config["pools"] == {"burst": ["10.0.1.0/24"]}
    assert config["machineDomains"] == [".ec2.internal", ".compute.internal"]
    assert config["taken"][3:] == ["api.eu-central-1.compute.internal"]


def payload(workplace: Workplace, node: str) -> list[list[str]]:
    found: list[list[str]] = json.loads(
        gzip.decompress((workplace.out / node / "payload").read_bytes())
    )
    return found


def test_terraform_gets_the_group_as_cluster_autoscaler_needs_it(workplace: Workplace) -> None:
    workplace.write(cloud)
    report = workplace.render()
    variables = json.loads((workplace.out / "terraform.tfvars.json").read_text())
    assert "burst" not in variables["nodes"]
    assert variables["payloads"]["burst"]["policy"] == "burst/iam-policy.json"
    start = "k8s.io/cluster-autoscaler"
    region = "topology.kubernetes.io/region"
    assert variables["pools"] == {
        "burst": {
            "min": 1,
            "max": 4,
            "user_data": "burst/user-data",
            "zones": ["eu-central-1b"],
            "labels": {region: "eu-central-1", "tier": "burst"},
            "taints": [{"key": "dedicated", "value": "burst", "effect": "NoSchedule"}],
            "tags": {
                f"{start}/enabled": "true",
                f"{start}/test": "owned",
                f"{start}/node-template/label/{region}": "eu-central-1",
                f"{start}/node-template/label/tier": "burst",
                f"{start}/node-template/taint/dedicated": "burst:NoSchedule",
            },
            "digest": report.lock.nodes["burst"].digest,
        }
    }


def test_cluster_autoscaler_gets_values_and_rights_for_its_own_groups(
    workplace: Workplace,
) -> None:
    timing = {"leaseDuration": "10s", "renewDeadline": "7s", "retryPeriod": "2s"}
    workplace.write(cloud, put("controllerManager.leaderElection", timing))
    workplace.render()
    values = yaml.safe_load((workplace.out / "cluster-autoscaler-values.yaml").read_text())
    assert values["cloudProvider"] == "aws"
    assert values["awsRegion"] == "eu-central-1"
    assert values["autoDiscovery"] == {"clusterName": "test"}
    assert values["replicaCount"] == 2
    assert {key: text for key, text in values["extraArgs"].items() if "elect" in key} == {
        "leader-elect": "true",
        "leader-elect-lease-duration": "10s",
        "leader-elect-renew-deadline": "7s",
        "leader-elect-retry-period": "2s",
    }
    assert values["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
    policy = json.loads((workplace.out / "cluster-autoscaler-iam-policy.json").read_text())
    look, change = policy["Statement"]
    assert all(":Describe" in action or ":Get" in action for action in look["Action"])
    assert change["Condition"]["StringEquals"] == {
        "aws:ResourceTag/k8s.io/cluster-autoscaler/enabled": "true",
        "aws:ResourceTag/k8s.io/cluster-autoscaler/test": "owned",
    }


def test_without_elastic_pools_there_is_nothing_of_them(workplace: Workplace) -> None:
    workplace.render()
    assert not [path for path in workplace.files() if "pool" in path or "autoscaler" in path]
    assert "approve" not in (workplace.out / "cp-1" / "user-data").read_text()
    assert "pools" not in json.loads((workplace.out / "terraform.tfvars.json").read_text())
    assert design_of().pools == ()
