"""The cluster's DNS as the cluster file has it, where the file speaks of it.

kubeadm sets CoreDNS up, with our patches, and keeps a Corefile that is not its own and the number
of replicas that it finds. So the Corefile is there before, and the number is set afterwards.
"""

from __future__ import annotations

import json

from nodeseed_node.cluster import kubectl
from nodeseed_node.machine import Machine


def corefile(m: Machine) -> int:
    """Put the Corefile in place before there are pods: what they mount first, they run first."""
    m.until(lambda: _given(m, "revision", "coredns"))
    m.say("in place")
    return 0


def dns(m: Machine) -> int:
    """Set the number of replicas once no more nodes come, five minutes from now at the latest.

    The scheduler spreads pods over the nodes that are there, and never moves them. Until then the
    two that kubeadm makes are enough.
    """
    seen: list[str] = []

    def coming() -> str:
        nodes = kubectl(m, "get nodes -o name")
        if nodes in seen or not _behind(m, "dns"):
            return ""
        seen[:] = [nodes]
        m.sleep(9)
        return "waiting until no more nodes come"

    m.until(coming, 300)
    m.until(lambda: _given(m, "dns", "coredns-replicas"))
    m.say("CoreDNS has its replicas")
    return 0


def _behind(m: Machine, what: str) -> bool:
    """Whether the cluster has this only of a revision before ours."""
    get = "get configmap -n kube-system --ignore-not-found -o json nodeseed"
    said = kubectl(m, get)
    return int(json.loads(said or "{}").get("data", {}).get(what, 0)) < m.config["clusterRevision"]


def _given(m: Machine, what: str, name: str) -> str:
    """Apply one of our files, unless an equal or newer revision of it was."""
    if _behind(m, what):
        if what == "dns":  # an autoscaler of an earlier revision would set another number
            kubectl(m, "delete deployment -n kube-system --ignore-not-found kube-dns-autoscaler")
        kubectl(m, f"apply --server-side --force-conflicts -f /etc/nodeseed/{name}.yaml")
        if what == "dns":
            data = {what: str(m.config["clusterRevision"])}
            patch = json.dumps({"data": data}, separators=(",", ":"))
            kubectl(m, f"patch configmap -n kube-system nodeseed -p {patch}")
    return ""
