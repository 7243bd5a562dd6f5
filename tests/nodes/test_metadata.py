"""Pods and the metadata service: where a rule is written, what is in it, and where none is."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from nodeseed.nodes.design import Design
from nodeseed.nodes.metadata import pods_kept_off
from nodeseed.platforms import PLATFORMS
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import aws, put

EC2 = put("platform", {"name": "nocloud", "metadata": "ec2"})
ALLOW = put("networking.metadataFromPods", "allow")


def dual_stack(design: Design) -> Design:
    networking = design.cluster.networking
    both = (*networking.podSubnet, ip_network("fd00:10:244::/56"))
    networking = networking.model_copy(update={"podSubnet": both})
    return replace(design, cluster=design.cluster.model_copy(update={"networking": networking}))


def text(workplace: Workplace, node: str) -> str:
    readable = workplace.out / node / "user-data.yaml"
    return (readable if readable.exists() else readable.with_suffix("")).read_text()


def on(name: str) -> Change:
    """A cluster on a platform, with subnets in zones where that has them."""

    def change(spec: dict[str, Any]) -> None:
        if PLATFORMS[name].needs_subnets:
            aws(spec)
        if name != "aws":
            spec["platform"] = {"name": name}

    return change


def test_pods_are_refused_on_aws() -> None:
    assert pods_kept_off(design_of(aws)) == (
        "table inet metadata;delete table inet metadata;table inet metadata{chain forward"
        "{type filter hook forward priority 0;ip daddr {169.254.169.254} tcp dport!=53 reject;};}"
    )


@pytest.mark.parametrize("name", [row.name for row in PLATFORMS.values() if row.metadata])
def test_each_address_is_refused_to_pods_of_its_family(name: str) -> None:
    single, both = (
        pods_kept_off(design_of(on(name))),
        pods_kept_off(dual_stack(design_of(on(name)))),
    )
    for address in PLATFORMS[name].metadata:
        assert address in both
        assert (address in single) == (ip_address(address).version == 4)
    assert "ip6" not in single


@pytest.mark.parametrize("changes", [[], [aws, ALLOW], [put("platform", {"name": "vsphere"})]])
def test_no_rule_where_there_is_no_service_or_it_is_allowed(
    changes: list[Change], workplace: Workplace
) -> None:
    assert pods_kept_off(design_of(*changes)) == ""
    workplace.write(*changes)
    workplace.render()
    assert "hook forward" not in text(workplace, "worker-1")


@pytest.mark.parametrize("change", [aws, EC2])
def test_no_kubelet_starts_without_it_and_preflight_misses_nft(
    change: Change, workplace: Workplace
) -> None:
    workplace.write(change)
    workplace.render()
    for node in ("cp-1", "worker-1"):
        found = text(workplace, node)
        assert f"ExecStartPre=nft '{pods_kept_off(design_of(change))}'\n" in found
        assert '"nft --version": ""' in found
