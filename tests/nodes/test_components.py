"""What the components are told: leader election, kube-proxy's modes, large clusters."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed.nodes.design import Design
from nodeseed.nodes.etcd import etcd_settings
from nodeseed.nodes.plan import context, sets
from nodeseed.nodes.proxy import PROXY_MODES, SCHEDULERS
from nodeseed.nodes.sizes import SETTINGS
from nodeseed.nodes.warnings import warnings
from nodeseed.spec.versions import KUBERNETES
from tests.conftest import design_of
from tests.nodes.changes import put


def values(design: Design) -> dict[str, Any]:
    return context(design, design.machines[0])


def arguments(design: Design, component: str) -> dict[str, str]:
    return {row["name"]: row["value"] for row in values(design)[f"{component}_arguments"]}


def test_timings_that_are_kubernetes_own_cost_nothing() -> None:
    assert arguments(design_of(), "scheduler") == {}
    same = design_of(put("scheduler.leaderElection", {"leaseDuration": "15s"}))
    assert arguments(same, "scheduler") == {}


def test_timings_become_flags() -> None:
    timing = {"leaseDuration": "1m", "renewDeadline": "40s", "retryPeriod": "5s"}
    design = design_of(put("controllerManager.leaderElection", timing))
    assert arguments(design, "controller_manager") == {
        "leader-elect-lease-duration": "60s",
        "leader-elect-renew-deadline": "40s",
        "leader-elect-retry-period": "5s",
    }
    assert arguments(design, "scheduler") == {}


def test_one_control_plane_may_work_unelected() -> None:
    alone = [{"name": "cp-1", "role": "control-plane", "address": "10.0.0.11"}]
    flag = [{"name": "leader-elect", "value": "false"}]
    design = design_of(put("nodes", alone), put("scheduler.extraArgs", flag))
    assert arguments(design, "scheduler") == {"leader-elect": "false"}


@pytest.mark.parametrize("mode", PROXY_MODES)
def test_every_mode_is_rendered_with_what_it_needs(mode: str) -> None:
    design = design_of(put("proxy.mode", mode))
    assert values(design)["proxy_configuration"] == {"mode": mode}
    for machine in design.machines:
        assert ("proxy-ipvs" in sets(design, machine)) == bool(PROXY_MODES[mode].modules)


def test_a_node_loads_the_modules_of_ipvs_and_of_its_scheduler() -> None:
    ipvs = put("proxy.mode", "ipvs")
    assert values(design_of(ipvs))["proxy_modules"] == [
        "ip_vs",
        "ip_vs_rr",
        "nf_conntrack",
        "dummy",
    ]
    for name in SCHEDULERS:
        chosen = design_of(ipvs, put("proxy.configuration", {"ipvs": {"scheduler": name}}))
        assert f"ip_vs_{name}" in values(chosen)["proxy_modules"]


def test_only_nodes_with_a_kube_proxy_load_modules() -> None:
    etcd = {"name": "etcd-1", "role": "etcd", "address": "10.0.0.31"}
    design = design_of(put("proxy.mode", "ipvs"), lambda spec: spec["nodes"].append(etcd))
    with_modules = [m.name for m in design.machines if "proxy-ipvs" in sets(design, m)]
    assert with_modules == ["cp-1", "cp-2", "cp-3", "worker-1"]


def test_ipvs_is_warned_of_and_no_other_mode() -> None:
    said = {mode: warnings(design_of(put("proxy.mode", mode))) for mode in PROXY_MODES}
    assert said["nftables"] == said["iptables"] == []
    assert "deprecated since 1.35" in said["ipvs"][0]


@pytest.mark.parametrize("minor", KUBERNETES)
def test_the_default_mode_is_one_of_the_table(minor: str) -> None:
    assert design_of(put("kubernetes.version", f"{minor}.0")).proxy_mode in PROXY_MODES


def test_every_setting_of_a_large_cluster_reaches_its_component() -> None:
    for mode in PROXY_MODES:
        for size in ("large", "very-large"):
            design = design_of(put("size", size), put("proxy.mode", mode))
            proxy = values(design)["proxy_configuration"]
            found = {
                "kube-apiserver": arguments(design, "api_server"),
                "kube-controller-manager": arguments(design, "controller_manager"),
                "kube-scheduler": arguments(design, "scheduler"),
                "etcd": etcd_settings(design, design.machines[0]),
                "sysctl": values(design)["sysctls"],
                "kube-proxy": {
                    f"{section}.{name}": value
                    for section, fields in proxy.items()
                    if isinstance(fields, dict)
                    for name, value in fields.items()
                },
            }
            for row in SETTINGS:
                value = row.large if size == "large" else row.very_large
                if row.modes and mode not in row.modes:
                    assert row.name not in found[row.component]
                else:
                    assert str(found[row.component][row.name]) == str(value), row.name


def test_a_standard_cluster_has_none_of_them() -> None:
    design = design_of()
    assert values(design)["sysctls"] == {}
    assert "quota-backend-bytes" not in etcd_settings(design, design.machines[0])


def test_what_the_operator_writes_wins() -> None:
    design = design_of(
        put("size", "large"),
        put("scheduler.extraArgs", [{"name": "kube-api-qps", "value": "70"}]),
        put("proxy.configuration", {"conntrack": {"tcpBeLiberal": True, "min": 5}}),
    )
    assert arguments(design, "scheduler")["kube-api-qps"] == "70"
    proxy = values(design)["proxy_configuration"]
    assert proxy["conntrack"] == {"min": 5, "tcpBeLiberal": True}
