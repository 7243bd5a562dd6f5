"""Sees from outside when the cluster is there, and when a pod gets its first DNS answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from nodeseed_lab.api import Api, Unreachable, missing_dns
from nodeseed_lab.errors import LabError

INTERVAL = 0.25
PATIENCE = 600.0
COREDNS = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"

# An ordinary pod: it tolerates no control plane's taint, and needs no answer to say when one came.
PROBE = """\
apiVersion: v1
kind: Pod
metadata: {name: probe}
spec:
  containers:
    - name: probe
      image: lab.local/probe:1
      imagePullPolicy: Never
      args: [await, kubernetes.default.svc.cluster.local.]
"""


@dataclass
class Seen:
    """What was seen, in seconds since the first machine was switched on.

    Attributes:
        nodes: when each node was Ready.
        coredns: when all replicas of CoreDNS were available.
        dns: when a pod got its first answer.
    """

    nodes: dict[str, float] = field(default_factory=dict)
    coredns: float | None = None
    dns: float | None = None

    @property
    def ready(self) -> float:
        """When the last node was Ready."""
        return max(self.nodes.values())


def watch(api: Api, nodes: list[str], began: float, going: Callable[[], None]) -> Seen:
    """Look until there is nothing more to see.

    Args:
        api: the cluster's API, through its load balancer.
        nodes: names of all nodes.
        began: seconds since 1970 when the first machine was switched on.
        going: called at each look; raises where the cluster cannot come any more.

    Raises:
        LabError: the time ran out.
    """
    seen = Seen()
    asked = False
    while time.time() < began + PATIENCE:
        going()
        try:
            _look(api, nodes, began, seen)
            asked = asked or _ask_for_probe(api)
        except Unreachable:
            pass
        if asked and len(seen.nodes) == len(nodes) and seen.coredns is not None:
            answered = _answered(api)
            if answered is not None:
                seen.dns = answered - began
                return seen
        time.sleep(INTERVAL)
    raise LabError(f"no whole cluster after {PATIENCE:.0f} s: {seen}")


def _look(api: Api, nodes: list[str], began: float, seen: Seen) -> None:
    if len(seen.nodes) < len(nodes):
        for item in api.get("/api/v1/nodes")["items"]:
            conditions = item["status"].get("conditions", [])
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
            if ready:
                seen.nodes.setdefault(item["metadata"]["name"], time.time() - began)
    if seen.coredns is None and not missing_dns(api.get(COREDNS)):
        seen.coredns = time.time() - began


def _ask_for_probe(api: Api) -> bool:
    """Create the pod as soon as its namespace's service account lets us."""
    api.get("/api/v1/namespaces/default/serviceaccounts/default")
    try:
        api.kubectl("create", "--filename=-", stdin=PROBE)
    except LabError as error:
        return "AlreadyExists" in str(error)
    return True


def _answered(api: Api) -> float | None:
    """When the probe printed the address, by its container runtime's clock."""
    try:
        line = api.kubectl("logs", "probe", "--timestamps")
    except LabError:
        return None
    return datetime.fromisoformat(line.split()[0]).timestamp() if line else None
