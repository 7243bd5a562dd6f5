"""A cloud controller manager's nodes: kubelets say so, and where the name does not do, their ID."""

from __future__ import annotations

import pytest

from nodeseed.nodes.cloud_provider import provider_id
from nodeseed.nodes.plan import context, sets
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import aws, put


def hetzner(spec: dict[str, object]) -> None:
    spec["platform"] = {"name": "hetzner"}


@pytest.mark.parametrize(
    ("platform", "form"), [(aws, "aws:///ZONE/INSTANCE-ID"), (hetzner, "")], ids=["aws", "hetzner"]
)
def test_nodes_wait_for_it_and_say_who_they_are(platform: Change, form: str) -> None:
    design = design_of(platform, put("platform.cloudProvider", "external"))
    for machine in design.machines:
        assert "--cloud-provider=external" in context(design, machine)["kubelet_arguments"]
        assert provider_id(design, machine) == form
        assert ("provider-id" in sets(design, machine)) == bool(form)


def test_without_one_nothing_is_said() -> None:
    design = design_of(aws)
    for machine in design.machines:
        assert not any("cloud" in word for word in context(design, machine)["kubelet_arguments"])
        assert "provider-id" not in sets(design, machine)


def test_a_machine_that_is_no_node_has_no_kubelet_to_tell() -> None:
    etcd = {"name": "etcd-1", "role": "etcd", "address": "10.0.0.31"}
    design = design_of(
        aws, put("platform.cloudProvider", "external"), lambda spec: spec["nodes"].append(etcd)
    )
    assert provider_id(design, design.machines[-1]) == ""


def test_the_node_knows_the_form(workplace: Workplace) -> None:
    workplace.write(aws, put("platform.cloudProvider", "external"))
    workplace.render()
    text = (workplace.out / "worker-1" / "user-data.yaml").read_text()
    assert '"providerID": "aws:///ZONE/INSTANCE-ID"' in text
    assert "def provider_id" not in text  # shortened
    assert "node.py provider-id" in text
