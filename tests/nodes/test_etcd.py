"""etcd's settings, and etcd beside every load balancer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nodeseed.endpoints import ENDPOINTS
from nodeseed.endpoints.endpoint import VirtualAddress
from nodeseed.nodes.etcd import etcd_maintenance, etcd_settings, etcd_slot
from nodeseed.nodes.plan import sets
from tests.conftest import Workplace, design_of
from tests.nodes.changes import put

DEDICATED = [
    {"name": f"etcd-{number}", "role": "etcd", "address": f"10.0.0.{30 + number}"}
    for number in (1, 2, 3)
]


def beside(endpoint: str, run: str, *, dedicated: bool) -> Callable[[dict[str, Any]], None]:
    """A cluster with this load balancer and etcd here or there."""

    def change(spec: dict[str, Any]) -> None:
        spec["endpoint"]["provider"] = endpoint
        if issubclass(ENDPOINTS[endpoint].options, VirtualAddress):
            spec["endpoint"]["address"] = "10.0.0.100"
        spec["etcd"] = {"run": run, "quota": "4Gi", "metrics": "node", "maintenance": {}}
        if dedicated:
            spec["nodes"] += DEDICATED

    return change


@pytest.mark.parametrize("dedicated", [False, True], ids=["stacked", "dedicated"])
@pytest.mark.parametrize("run", ["systemd", "static-pod"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_etcd_runs_in_each_way_beside_every_load_balancer(
    workplace: Workplace, endpoint: str, run: str, dedicated: bool
) -> None:
    workplace.write(beside(endpoint, run, dedicated=dedicated))
    workplace.render()
    member = "etcd-1" if dedicated else "cp-1"
    address = "10.0.0.31" if dedicated else "10.0.0.11"
    files = workplace.tree(member)
    text = files["/etc/etcd.env" if run == "systemd" else "/etc/nodeseed/etcd.yaml"]
    assert "4294967296" in text
    assert f"http://127.0.0.1:2381,http://{address}:2381" in text
    assert "/etc/systemd/system/nodeseed-etcd-maintenance.timer" in files
    assert not [path for path in workplace.tree("worker-1") if "maintenance" in path]
    endpoints = [f"https://10.0.0.{30 + n if dedicated else 10 + n}:2379" for n in (1, 2, 3)]
    kubeadm = workplace.tree("cp-1")["/etc/kubernetes/kubeadm.yaml"]
    assert all(f'"{url}"' in kubeadm for url in endpoints)
    if dedicated:
        assert not [path for path in workplace.tree("cp-1") if "maintenance" in path]


def test_what_is_not_asked_for_is_not_there() -> None:
    design = design_of()
    machine = design.machines[0]
    assert etcd_maintenance(design, machine) == {}
    assert "etcd-maintenance" not in sets(design, machine)
    assert etcd_settings(design, machine)["listen-metrics-urls"] == "http://127.0.0.1:2381"


@pytest.mark.parametrize(
    ("etcd", "quota"),
    [
        ({}, 2 << 30),
        ({"quota": "512Mi"}, 512 << 20),
        ({"extraArgs": [{"name": "quota-backend-bytes", "value": "1000"}]}, 1000),
        ({"extraArgs": [{"name": "quota-backend-bytes", "value": "0"}]}, 2 << 30),
    ],
)
def test_maintenance_knows_the_quota_that_etcd_has(etcd: dict[str, Any], quota: int) -> None:
    design = design_of(put("etcd", {**etcd, "maintenance": {"minimumGain": "50Mi"}}))
    wanted = {"quota": quota, "gain": 50 << 20, "interval": 24 * 3600}
    assert etcd_maintenance(design, design.machines[0]) == wanted


def test_the_quota_of_the_cluster_file_wins_over_that_of_its_size() -> None:
    design = design_of(put("size", "large"), put("etcd.quota", "3Gi"))
    assert etcd_settings(design, design.machines[0])["quota-backend-bytes"] == str(3 << 30)


def test_an_ipv6_node_has_its_metrics_in_brackets() -> None:
    design = design_of(
        put("etcd.metrics", "node"),
        put("networking.podSubnet", "fd01::/48"),
        put("networking.serviceSubnet", "fd02::/112"),
        put("networking.nodeSubnet", "fd00::/64"),
        put("nodes", [{"name": "cp-1", "role": "control-plane", "address": "fd00::11"}]),
    )
    urls = etcd_settings(design, design.machines[0])["listen-metrics-urls"]
    assert urls == "http://127.0.0.1:2381,http://[fd00::11]:2381"


def test_every_member_has_a_minute_of_its_own() -> None:
    design = design_of(lambda spec: spec["nodes"].extend(DEDICATED))
    assert [etcd_slot(design, machine) for machine in design.etcd_members] == [0, 1, 2]
