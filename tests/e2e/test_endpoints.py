"""The load balancers that are the cluster's own: what fails is made up for within five seconds.

Clients on a worker write all the time; the gaps that they see are in docs/load-balancers.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nodeseed_lab.lab import Lab
from tests.e2e import boots
from tests.e2e.conftest import Ground
from tests.e2e.workload import eventually
from tests.e2e.writes import GOAL, Writes

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"


@contextmanager
def without_api_server(lab: Lab, node: str) -> Iterator[None]:
    """Kill a node's API server, and keep it from coming back for a while."""
    machine = lab.machines[node]
    machine.run("mv", MANIFEST, "/root/kube-apiserver.yaml")
    machine.run("pkill", "-KILL", "-f", "^kube-apiserver")
    try:
        yield
    finally:
        machine.run("mv", "/root/kube-apiserver.yaml", MANIFEST)
        boots.settled(lab, node)


def served_by(lab: Lab, node: str, port: int) -> set[str]:
    """Addresses of the API servers that a machine's haproxy has connections to."""
    established = f"dport = :{port}"
    shown = lab.machines[node].run("ss", "-Htnp", "state", "established", established)
    lines = [line.split() for line in shown.splitlines() if "haproxy" in line]
    return {line[3].rpartition(":")[0] for line in lines}


class TestNodeLocal:
    @pytest.fixture(scope="class")
    def cluster(self, ground: Ground) -> Lab:
        """Three control planes and a worker, with no load balancer but the worker's own."""

        def local(spec: dict[str, Any]) -> None:
            spec["endpoint"] = {"host": "api.lab.example.com", "provider": "node-local"}
            del spec["nodes"][4]

        lab = ground.prepare("e2e-local", 14, local)
        lab.boot()
        lab.wait_ready()
        return lab

    def test_the_worker_uses_what_it_has_itself(self, cluster: Lab) -> None:
        worker = cluster.machines["worker-1"]
        assert "server: https://api.lab.example.com:6443" in worker.read(
            "/etc/kubernetes/kubelet.conf"
        )
        assert "127.0.0.1 api.lab.example.com # nodeseed" in worker.read("/etc/hosts")
        assert served_by(cluster, "worker-1", 6443)

    def test_an_api_server_is_killed(self, cluster: Lab) -> None:
        with Writes(cluster, "worker-1") as writes, without_api_server(cluster, "cp-2"):
            gaps = writes.gaps(15)
        print(gaps)
        assert max(gaps.values()) <= GOAL, gaps

    def test_haproxy_is_killed(self, cluster: Lab) -> None:
        with Writes(cluster, "worker-1") as writes:
            cluster.machines["worker-1"].run("pkill", "-KILL", "-x", "haproxy")
            gaps = writes.gaps(8)
        print(gaps)
        assert max(gaps.values()) <= GOAL, gaps

    def test_the_plug_of_a_control_plane_is_pulled(self, cluster: Lab) -> None:
        dead = "cp-3"
        try:
            with Writes(cluster, "worker-1") as writes:
                cluster.machines[dead].kill()
                gaps = writes.gaps(20)
        finally:
            cluster.machines[dead].start()
        print(gaps)
        assert max(gaps.values()) <= GOAL, gaps
        boots.settled(cluster, dead)

    def test_a_port_that_is_taken_is_said_and_waited_for(self, cluster: Lab) -> None:
        worker = cluster.machines["worker-1"]
        worker.run("systemctl", "stop", "haproxy")
        worker.run(
            "sh",
            "-c",
            "python3 -m http.server --bind 127.0.0.1 6443 >/dev/null 2>&1 & echo $! >/run/squatter",
        )
        worker.run("systemctl", "start", "--no-block", "haproxy")
        eventually(
            "it says who has the port",
            lambda: (
                "port 6443 is taken" in (said := worker.steps().get("endpoint", ""))
                and "python3" in said
            ),
        )
        worker.run("sh", "-c", "kill $(cat /run/squatter)")
        eventually(
            "haproxy has it", lambda: worker.run("systemctl", "is-active", "haproxy") == "active\n"
        )
