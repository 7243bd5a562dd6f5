"""A kubelet is told its provider ID once the machine knows all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nodeseed_node.instance import whole_id
from nodeseed_node.provider_id import provider_id
from tests.program.machines import FakeMachine

DATA = "run/cloud-init/instance-data.json"
ENVIRONMENT = "run/nodeseed/provider-id.env"


def machine(tmp_path: Path, known: dict[str, Any]) -> FakeMachine:
    m = FakeMachine(tmp_path, "provider-id")
    m.configure(providerID="aws:///ZONE/INSTANCE-ID")
    m.write("var/lib/kubelet/kubeadm-flags.env", 'KUBELET_KUBEADM_ARGS="--v=2"\n')
    m.write(DATA, json.dumps({"v1": known}))
    return m


def test_its_arguments_take_the_place_of_those_without(tmp_path: Path) -> None:
    m = machine(tmp_path, {"instance_id": "i-1", "availability_zone": "eu-central-1a"})
    for _ in range(2):  # at every start
        assert provider_id(m) == 0
        assert m.text(ENVIRONMENT) == (
            'KUBELET_KUBEADM_ARGS="--v=2 --provider-id=aws:///eu-central-1a/i-1"\n'
        )
    assert m.said == "aws:///eu-central-1a/i-1"


def test_half_of_an_id_is_not_said(tmp_path: Path) -> None:
    m = machine(tmp_path, {"instance_id": "i-1", "availability_zone": None})

    def found() -> None:
        assert m.said == "cloud-init knows no availability_zone"
        assert not m.path(ENVIRONMENT).exists()
        m.write(DATA, json.dumps({"v1": {"instance_id": "i-1", "availability_zone": "a"}}))

    m.while_asleep = [found]
    assert provider_id(m) == 0
    assert "aws:///a/i-1" in m.text(ENVIRONMENT)


def test_a_form_without_zone_needs_none(tmp_path: Path) -> None:
    assert whole_id(machine(tmp_path, {"instance_id": "7"}), "openstack:///INSTANCE-ID") == (
        "openstack:///7"
    )
    with pytest.raises(ValueError, match="knows no instance_id"):
        whole_id(machine(tmp_path, {}), "openstack:///INSTANCE-ID")
