"""Endpoint node-local: each worker reaches the API by itself, whatever fails on its way."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed_lab.lab import Lab
from tests.e2e.conftest import Ground
from tests.e2e.faults import served_by, without_api_server
from tests.e2e.workload import Workload, eventually
from tests.e2e.writes import GOAL, Writes

HOST = "api.lab.example.com"
SQUATTER = "python3 -m http.server --bind 127.0.0.1 6443 >/dev/null 2>&1 & echo $! >/run/squatter"


def local(spec: dict[str, Any]) -> None:
    spec["endpoint"] = {"host": HOST, "provider": "node-local"}
    del spec["nodes"][4]


@pytest.fixture(scope="module")
def cluster(ground: Ground) -> Lab:
    """Three control planes and a worker, with no load balancer but the worker's own; Ready."""
    lab = ground.prepare("e2e-local", 14, local)
    lab.boot()
    lab.wait_ready()
    return lab


def test_the_worker_goes_through_its_own_haproxy(cluster: Lab, workload: Workload) -> None:
    worker = cluster.machines["worker-1"]
    assert f"server: https://{HOST}:6443" in worker.read("/etc/kubernetes/kubelet.conf")
    assert f"127.0.0.1 {HOST} # nodeseed" in worker.read("/etc/hosts")
    assert served_by(worker, 6443)
    assert workload.client("get", "http://web/")


def test_haproxy_is_killed(cluster: Lab) -> None:
    with Writes(cluster, "worker-1") as writes:
        cluster.machines["worker-1"].run("pkill", "-KILL", "-x", "haproxy")
        gaps = writes.gaps(6)
    assert max(gaps.values()) <= GOAL, gaps


def test_a_port_that_is_taken_is_said_and_waited_for(cluster: Lab) -> None:
    worker = cluster.machines["worker-1"]
    worker.run("systemctl", "stop", "haproxy")
    worker.run("sh", "-c", SQUATTER)
    worker.run("systemctl", "start", "--no-block", "haproxy")

    def said() -> bool:
        text = worker.steps().get("endpoint", "")
        return "port 6443 is taken" in text and "python3" in text

    eventually("it says who has the port", said)
    worker.run("sh", "-c", "kill $(cat /run/squatter)")
    eventually(
        "haproxy has it", lambda: worker.exec("systemctl", "is-active", "haproxy")[0] == 0, 30
    )


def test_an_api_server_is_killed(cluster: Lab) -> None:
    with Writes(cluster, "worker-1") as writes, without_api_server(cluster, "cp-2"):
        gaps = writes.gaps(8)
    assert max(gaps.values()) <= GOAL, gaps


def test_the_plug_of_a_control_plane_is_pulled(cluster: Lab) -> None:
    """The last test: it stays so."""
    with Writes(cluster, "worker-1") as writes:
        cluster.machines["cp-3"].kill()
        gaps = writes.gaps(10)
    assert max(gaps.values()) <= GOAL, gaps
