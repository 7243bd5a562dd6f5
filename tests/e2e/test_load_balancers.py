"""Nodes of role load-balancer: the API's address moves between them, and nothing else is there.

Kubelets of control planes go through them, too.
"""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed_lab.lab import Lab
from tests.e2e.boots import steps_done
from tests.e2e.conftest import Ground
from tests.e2e.faults import holder, kill_api_server, served_by
from tests.e2e.workload import Workload, eventually
from tests.e2e.writes import GOAL, Writes

HOST = "api.lab.example.com"


def dedicated(spec: dict[str, Any]) -> None:
    address = spec["endpoint"]["host"]
    spec["endpoint"] = {
        "host": HOST,
        "address": address,
        "provider": "haproxy-keepalived",
        "controlPlanes": "endpoint",
    }
    del spec["nodes"][4]
    for number in (1, 2):
        at = f"{address.rpartition('.')[0]}.3{number}"
        spec["nodes"].append({"name": f"lb-{number}", "role": "load-balancer", "address": at})


@pytest.fixture(scope="module")
def cluster(ground: Ground) -> Lab:
    """Two load balancers, three control planes and a worker; Ready."""
    lab = ground.prepare("e2e-balancers", 15, dedicated)
    lab.boot()
    lab.wait_ready()
    steps_done(lab, *lab.machines)
    return lab


def test_the_api_is_reached_through_them_alone(cluster: Lab, workload: Workload) -> None:
    active = holder(cluster)
    assert active in ("lb-1", "lb-2")
    assert served_by(cluster.machines[active], 6443)
    for name in ("worker-1", "cp-1"):
        machine = cluster.machines[name]
        assert f"server: https://{HOST}:6443" in machine.read("/etc/kubernetes/kubelet.conf")
        assert f"{cluster.design.virtual_address} {HOST} # nodeseed" in machine.read("/etc/hosts")
    control_plane = cluster.machines["cp-1"]
    manager = control_plane.read("/etc/kubernetes/controller-manager.conf")
    assert f"server: {cluster.design.local_api(cluster.design.control_planes[0])}" in manager
    assert control_plane.exec("pgrep", "-x", "haproxy")[0] == 1
    assert workload.client("get", "http://web/")


def test_they_are_no_nodes_and_hold_no_key(cluster: Lab) -> None:
    for name in ("lb-1", "lb-2"):
        machine = cluster.machines[name]
        assert machine.run("find", "/etc/kubernetes", "-type", "f").split() == [
            "/etc/kubernetes/pki/ca.crt"
        ]
        assert machine.exec("pgrep", "-x", "kubelet")[0] == 1
        assert machine.exec("systemctl", "is-failed", "haproxy", "keepalived")[0] == 1
        assert machine.steps()["preflight"] == "all is well"
    nodes = cluster.kubectl("get", "nodes", "--output=name").split()
    assert not [name for name in nodes if "lb-" in name]


def test_the_plug_of_the_active_one_is_pulled(cluster: Lab) -> None:
    dead = holder(cluster)
    machine = cluster.machines[dead]
    with Writes(cluster, "worker-1") as writes:
        machine.kill()
        gaps = writes.gaps(10)
        machine.start()
        assert max(gaps.values()) <= GOAL, gaps
        assert holder(cluster) not in ("", dead)
        eventually("it is back", lambda: machine.exec("pgrep", "-x", "keepalived")[0] == 0)
        back = writes.gaps(6)
    assert max(back.values()) < 1, back  # no move without need
    since = f"--since=@{machine.started.timestamp():.0f}"
    log = machine.run("journalctl", "--unit=keepalived", "--output=cat", since)
    assert "BACKUP STATE" in log
    assert "MASTER STATE" not in log
    assert holder(cluster) != dead


def test_haproxy_of_the_active_one_is_killed(cluster: Lab) -> None:
    with Writes(cluster, "worker-1") as writes:
        cluster.machines[holder(cluster)].run("pkill", "-KILL", "-x", "haproxy")
        gaps = writes.gaps(8)
    assert max(gaps.values()) <= GOAL, gaps


def test_an_api_server_behind_them_is_killed(cluster: Lab) -> None:
    """The last test: it stays so."""
    with Writes(cluster, "worker-1") as writes:
        kill_api_server(cluster.machines["cp-2"])
        gaps = writes.gaps(8)
    assert max(gaps.values()) <= GOAL, gaps
