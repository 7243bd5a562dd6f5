"""An image's variables follow from the cluster file; what cannot be baked is said at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nodeseed import bake as baking
from nodeseed.bake import bake, image_variables
from nodeseed.errors import ImageError, SpecError
from nodeseed.outputs.packer import root
from nodeseed.spec.software import BakedChecksums
from nodeseed.spec.versions import CONTAINERD
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import aws

SUMS = dict.fromkeys(BakedChecksums.model_fields, "5" * 64)


def baked(**fields: Any) -> Change:
    software = {"baked": {"sha256": SUMS, **fields}}
    return lambda spec: spec["kubernetes"].update(software=software)


def variables(*changes: Change) -> dict[str, Any]:
    design = design_of(baked(), *changes)
    software = design.cluster.kubernetes.software.baked
    assert software is not None
    return image_variables(design, software)


def test_versions_and_checksums_are_the_cluster_files() -> None:
    assert variables(lambda spec: spec["kubernetes"].update(version="1.36.5")) == {
        "kubernetes_version": "1.36.5",
        "containerd_version": CONTAINERD,
        "etcd_version": "3.6.11",
        "architecture": "amd64",
        "sha256": SUMS,
        "packages": [],
        "image_repository": "registry.k8s.io",
        "images": [],
        "modules": ["br_netfilter", "overlay"],
    }


def test_what_the_cluster_file_chooses_is_in_the_image() -> None:
    found = variables(
        baked(packages=["jq"], containerd="2.2.1", architecture="arm64"),
        lambda spec: spec.update(
            storage={"clients": ["nfs"]},
            proxy={"mode": "ipvs"},
            etcd={"run": "static-pod", "version": "3.6.12"},
            dns={"nodeLocal": {}},
        ),
        lambda spec: spec["endpoint"].update(provider="kube-vip", address="10.0.0.100"),
    )
    assert found["packages"] == ["ipset", "ipvsadm", "jq", "nfs-common"]
    assert {"ip_vs", "ip_vs_rr", "nf_conntrack", "nfs", "nfsv4"} <= set(found["modules"])
    assert found["images"] == [
        "ghcr.io/kube-vip/kube-vip:v1.2.3",
        "registry.k8s.io/dns/k8s-dns-node-cache:1.26.8",
        "registry.k8s.io/etcd:3.6.12-0",
    ]
    assert (found["containerd_version"], found["etcd_version"]) == ("2.2.1", "3.6.12")
    assert found["architecture"] == "arm64"


def test_payloads_that_age_opens_bring_age_into_the_image() -> None:
    recipient = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"
    found = variables(
        aws,
        baked(),
        lambda spec: spec.update(
            transport={"name": "s3", "bucket": "payloads", "age": {"recipients": [recipient]}}
        ),
    )
    assert found["packages"] == ["age", "nftables"]


@pytest.mark.parametrize(
    ("written", "pulled"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("'flannel/flannel:v1'", "docker.io/flannel/flannel:v1"),
        ("quay.io/cilium/cilium:v1  # the agent", "quay.io/cilium/cilium:v1"),
        ("localhost:5000/x", "localhost:5000/x"),
    ],
)
def test_images_of_the_operators_objects_are_pulled_by_their_whole_name(
    workplace: Workplace, written: str, pulled: str
) -> None:
    workplace.write(baked(), lambda spec: spec.update(manifests=["cni.yaml"]))
    (workplace.folder / "cni.yaml").write_text(
        f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {written}\n    name: x\n"
    )
    design = baking.prepare(workplace.state)
    software = design.cluster.kubernetes.software.baked
    assert software is not None
    assert image_variables(design, software)["images"] == [pulled]


def test_packers_variables_are_the_ones_that_are_given() -> None:
    text = (root() / "variables.pkr.hcl").read_text()
    known = set(re.findall(r'^variable "(\w+)"', text, re.M))
    assert known == set(variables()) | {"image_name", "software"}


class Calls(list[tuple[str, dict[str, Any]]]):
    """What Packer was asked for."""

    def __call__(self, command: str, **options: Any) -> None:
        self.append((command, options))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls()
    monkeypatch.setattr(baking, "packer", calls)
    return calls


def on_aws(spec: dict[str, Any]) -> None:
    spec["platform"] = {"name": "aws", "region": "eu-north-1"}
    del spec["networking"]["nodeSubnet"]
    spec["networking"]["subnets"] = [{"cidr": "10.0.0.0/24", "zone": "eu-north-1a"}]


def test_packer_gets_them_in_a_file_and_the_platforms_own_besides(
    workplace: Workplace, calls: Calls
) -> None:
    workplace.write(baked(), on_aws)
    said = bake(workplace.state, workplace.folder / "images", variables={"aws_instance_type": "c"})
    file = workplace.folder / "images" / "nodeseed-1.37.2.pkrvars.json"
    assert said == f"nodeseed-1.37.2: baked for Amazon EC2, from {file}."
    how = {"builder": "amazon-ebs", "var_file": file, "var": {"aws_instance_type": "c"}}
    assert calls == [("validate", how), ("build", how)]
    own = {"aws_region": "eu-north-1", "image_name": "nodeseed-1.37.2"}
    assert json.loads(file.read_text()).items() >= own.items()


def test_another_platform_takes_nothing_of_the_cluster_files(
    workplace: Workplace, calls: Calls
) -> None:
    workplace.write(baked())
    said = bake(
        workplace.state, workplace.folder, platform="aws", name="x", variables={}, only_check=True
    )
    assert "nothing was built" in said
    assert [command for command, _ in calls] == ["validate"]
    assert "aws_region" not in json.loads((workplace.folder / "x.pkrvars.json").read_text())


KUBERNETES = {"kubelet": "1" * 64, "kubeadm": "1" * 64, "kubectl": "1" * 64}


@pytest.mark.parametrize(
    ("software", "platform", "said"),
    [
        (
            {},
            None,
            "an image takes no file whose SHA-256 nobody wrote down; add `baked: {sha256: {kub",
        ),
        (
            {"source": "binaries", "binaries": {"sha256": KUBERNETES}},
            None,
            "by themselves (source: binaries); write `source: baked`",
        ),
        ({"baked": {"sha256": SUMS}}, "moon", "there is no platform moon; one of aws, gcp,"),
    ],
    ids=["no checksums", "no image", "no platform"],
)
def test_what_cannot_be_baked_is_said(
    workplace: Workplace, software: dict[str, Any], platform: str | None, said: str
) -> None:
    workplace.write(lambda spec: spec["kubernetes"].update(software=software))
    with pytest.raises(SpecError) as caught:
        bake(workplace.state, workplace.folder, platform=platform, variables={})
    assert said in str(caught.value)


def test_without_packer_that_is_said(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workplace.write(baked())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="Packer is missing"):
        bake(workplace.state, workplace.folder, variables={})
