"""What is broken for a while, and who serves meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine
from tests.e2e.workload import eventually

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
ASIDE = "/root/kube-apiserver.yaml"


def kill_api_server(machine: LabMachine) -> None:
    """Kill a node's API server, so that nobody is told; it stays away."""
    machine.run("mv", MANIFEST, ASIDE)
    machine.run("pkill", "-KILL", "-f", "^kube-apiserver")


@contextmanager
def without_api_server(lab: Lab, node: str) -> Iterator[None]:
    """A node's API server is killed; it is back and ready afterwards."""
    machine = lab.machines[node]
    kill_api_server(machine)
    try:
        yield
    finally:
        machine.run("mv", ASIDE, MANIFEST)
    curl = ("curl", "-sfm2", "--cacert", "/etc/kubernetes/pki/ca.crt")
    url = "https://127.0.0.1:6443/readyz"
    eventually(f"{node}: its API server is ready", lambda: machine.exec(*curl, url)[0] == 0)


def holder(lab: Lab) -> str:
    """The node that has the virtual address; empty if none of those that run has it."""
    for machine in lab.design.balancers:
        there = lab.machines[machine.name]
        if there.state == "running":
            code, shown = there.exec("ip", "-brief", "address")
            if code == 0 and f" {lab.design.virtual_address}/" in shown:
                return machine.name
    return ""


def served_by(machine: LabMachine, port: int) -> set[str]:
    """Addresses to which a machine's haproxy has connections at a port."""
    shown = machine.run("ss", "-Htnp", "state", "established", f"dport = :{port}")
    peers = [line.split()[3] for line in shown.splitlines() if "haproxy" in line]
    return {peer.rpartition(":")[0] for peer in peers}
