"""What a machine of a cluster is to Docker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodeseed.nodes.design import Design
from nodeseed_lab.containers import (
    SEED_FOLDER,
    brings_load_balancer,
    endpoint_address,
    load_balancer_body,
    network_arguments,
    node_body,
    volume_names,
)
from nodeseed_lab.errors import LabError
from tests.conftest import design_of


def body(design: Design, node: str, **more: Any) -> dict[str, Any]:
    machine = next(machine for machine in design.machines if machine.name == node)
    seed = Path("/out/test") / node
    return node_body(design, machine, image="node:1", seed=seed, labels={"a": "b"}, **more)


def test_a_machine_is_named_addressed_and_limited_as_in_the_cluster_file() -> None:
    found = body(design_of(lambda spec: spec["platform"].update(memory="3Gi", cpus=3)), "cp-2")

    assert found["Image"] == "node:1"
    assert found["Hostname"] == "cp-2"
    assert found["HostConfig"]["NetworkMode"] == "test"
    assert found["NetworkingConfig"] == {
        "EndpointsConfig": {"test": {"IPAMConfig": {"IPv4Address": "10.0.0.12"}}}
    }
    assert found["HostConfig"]["Memory"] == 3 * 1024**3
    assert found["HostConfig"]["NanoCpus"] == 3_000_000_000
    assert found["Labels"] == {
        "a": "b",
        "nodeseed.dev/cluster": "test",
        "nodeseed.dev/node": "cp-2",
    }


def test_its_user_data_is_mounted_and_its_state_lies_on_volumes() -> None:
    found = body(design_of(), "cp-2")

    assert found["HostConfig"]["Binds"] == [
        f"/out/test/cp-2:{SEED_FOLDER}:ro",
        "test-cp-2-containerd:/var/lib/containerd",
        "test-cp-2-kubelet:/var/lib/kubelet",
        "test-cp-2-etcd:/var/lib/etcd",
    ]
    assert set(volume_names("test", "cp-2")) == {
        "test-cp-2-containerd",
        "test-cp-2-kubelet",
        "test-cp-2-etcd",
    }


def test_a_machine_may_start_cut_off() -> None:
    found = body(design_of(), "cp-2", cut_off=("/sbin/init",))

    assert found["Entrypoint"][0] == "/bin/sh"
    assert found["Cmd"] == ["/sbin/init"]
    assert any('iifname "eth0" drop' in variable for variable in found["Env"])
    assert "Entrypoint" not in body(design_of(), "cp-2")


def test_two_address_families() -> None:
    def dual(spec: dict[str, Any]) -> None:
        networking = spec["networking"]
        networking["nodeSubnet"] = ["10.0.0.0/24", "fd00::/64"]
        networking["podSubnet"] = ["10.244.0.0/16", "fd00:244::/48"]
        networking["serviceSubnet"] = ["10.96.0.0/12", "fd00:96::/112"]
        for number, node in enumerate(spec["nodes"], 1):
            node["address"] = [f"10.0.0.{10 + number}", f"fd00::{number}"]

    design = design_of(dual)

    endpoint = body(design, "cp-1")["NetworkingConfig"]["EndpointsConfig"]["test"]
    assert endpoint == {"IPAMConfig": {"IPv4Address": "10.0.0.11", "IPv6Address": "fd00::1"}}
    network = network_arguments(design)
    assert network["enable_ipv6"]
    assert [pool["Gateway"] for pool in network["ipam"]["Config"]] == ["10.0.0.1", "fd00::1"]


def test_the_network_is_the_machines_subnet() -> None:
    network = network_arguments(design_of())

    assert network["name"] == "test"
    assert network["labels"] == {"nodeseed.dev/cluster": "test"}
    (pool,) = network["ipam"]["Config"]
    assert (pool["Subnet"], pool["Gateway"]) == ("10.0.0.0/24", "10.0.0.1")


def test_an_external_endpoint_is_a_load_balancer_that_the_lab_brings() -> None:
    design = design_of()

    assert brings_load_balancer(design)
    assert endpoint_address(design) == "10.0.0.2"
    found = load_balancer_body(design, image="node:1", labels={})
    assert found["Entrypoint"] == ["/bin/sh", "-c"]  # whatever the image's own is
    (configuration,) = found["Env"]
    assert "bind :6443" in configuration
    assert "server cp-3 10.0.0.13:6443 check" in configuration
    assert "worker-1" not in configuration
    assert body(design, "worker-1")["HostConfig"]["ExtraHosts"] == ["api.test.example.com:10.0.0.2"]
    assert "ExtraHosts" not in body(design, "cp-1")["HostConfig"]


def test_an_endpoint_that_is_an_address_is_where_the_load_balancer_stands() -> None:
    design = design_of(lambda spec: spec["endpoint"].update(host="10.0.0.9"))

    assert endpoint_address(design) == "10.0.0.9"


def test_a_virtual_address_needs_no_load_balancer() -> None:
    def virtual(spec: dict[str, Any]) -> None:
        spec["endpoint"].update(provider="haproxy-keepalived", address="10.0.0.5", port=8443)

    design = design_of(virtual)

    assert not brings_load_balancer(design)
    assert endpoint_address(design) == "10.0.0.5"


def test_a_platform_without_nocloud_files_is_refused() -> None:
    design = design_of(lambda spec: spec["platform"].update(name="hetzner"))

    with pytest.raises(LabError, match="platform hetzner is not for the lab"):
        body(design, "cp-1")
