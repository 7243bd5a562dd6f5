"""Pods that serve and ask, so that a test can see whether a cluster works and not only shines."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import yaml

from nodeseed_lab.errors import LabError
from nodeseed_lab.lab import Lab

PATIENCE = 120
NODE_PORT = 30080
PROBE = {"image": "lab.local/probe:1", "imagePullPolicy": "Never"}


def eventually(
    what: str, true: Callable[[], bool], seconds: float = PATIENCE, pause: float = 0.5
) -> float:
    """Wait until something is so; give how many seconds it took.

    What the API refuses in the meantime counts as not yet.
    """
    began = time.monotonic()
    said = ""
    while True:
        try:
            if true():
                return time.monotonic() - began
        except LabError as error:
            said = f" ({error})"
        assert time.monotonic() < began + seconds, f"not within {seconds} s: {what}{said}"
        time.sleep(pause)


def items(lab: Lab, *what: str) -> list[dict[str, Any]]:
    """Objects as the API gives them."""
    found: list[dict[str, Any]] = json.loads(lab.kubectl("get", *what, "--output=json"))["items"]
    return found


def ready(pod: dict[str, Any]) -> bool:
    """Whether a pod runs, and is about to stay."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


class Workload:
    """A Deployment `web` of two pods on different nodes behind a Service, and a pod that asks."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        workers = [machine.name for machine in lab.design.machines if machine.role == "worker"]
        # where there is one worker alone, the second pod and the asking one go to a control plane
        self.nodes = [*workers, *(m.name for m in lab.design.control_planes)][:2]

    def start(self) -> Workload:
        """Create it all, and wait until it is ready."""
        text = yaml.safe_dump_all(self._objects())
        self.lab.kubectl("apply", "--server-side", "--filename=-", stdin=text)
        self.lab.kubectl("wait", "--for=condition=Ready", "pod/client", f"--timeout={PATIENCE}s")
        self.serves()
        return self

    def serves(self) -> None:
        """Wait until its pods are ready and reached by every way.

        Each kube-proxy hears of them by itself, and later; until then it may refuse connections.
        """
        eventually("both pods are ready", lambda: len(self.web()) == 2)
        eventually("its name leads to both pods", lambda: self.answers(8) == self.names())
        eventually("the cluster's DNS knows it", lambda: bool(self.client("dns", "web")))
        for node in self.lab.kubelets:
            eventually(
                f"its port leads to a pod on {node}",
                lambda node=node: self.at_node_port(node) in self.names(),
            )

    def web(self) -> list[dict[str, Any]]:
        """The pods that serve and are ready."""
        return [pod for pod in items(self.lab, "pods", "--selector=app=web") if ready(pod)]

    def names(self) -> set[str]:
        """The names of these pods, which they answer with."""
        return {pod["metadata"]["name"] for pod in self.web()}

    def answers(self, times: int) -> set[str]:
        """Which pods answer to the Service's name; each time asks a process with a connection."""
        return {self.client("get", "http://web/").strip() for _ in range(times)}

    def at_node_port(self, node: str) -> str:
        """Which pod answers at the Service's port of a node.

        Raises:
            LabError: none does.
        """
        (address,) = (row.address for row in self.lab.design.machines if row.name == node)
        url = f"http://{address}:{NODE_PORT}/"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode().strip())
        except OSError as error:
            raise LabError(f"{url}: {error}") from None

    def client(self, *command: str) -> str:
        """Run the probe in the pod that asks; give what it printed."""
        return self.lab.kubectl("exec", "client", "--", "/probe", *command)

    def _objects(self) -> list[dict[str, Any]]:
        apart = {
            "labelSelector": {"matchLabels": {"app": "web"}},
            "topologyKey": "kubernetes.io/hostname",
        }
        nodes = {"key": "kubernetes.io/hostname", "operator": "In", "values": self.nodes}
        web = {
            "containers": [
                {
                    **PROBE,
                    "name": "web",
                    "args": ["serve"],
                    "readinessProbe": {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1},
                }
            ],
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {
                "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]},
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [nodes]}]
                    }
                },
            },
        }
        return [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "web"}},
                    # with a required anti-affinity there is no place for one pod more
                    "strategy": {"rollingUpdate": {"maxSurge": 0}},
                    "template": {"metadata": {"labels": {"app": "web"}}, "spec": web},
                },
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {
                    "type": "NodePort",
                    "selector": {"app": "web"},
                    "ports": [{"port": 80, "targetPort": 8080, "nodePort": NODE_PORT}],
                },
            },
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "client", "namespace": "default"},
                "spec": {
                    "nodeName": self.nodes[0],
                    "containers": [{**PROBE, "name": "client", "args": ["sleep"]}],
                },
            },
        ]
