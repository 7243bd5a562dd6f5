"""The cluster's API as its operator reaches it: with admin.conf, through the load balancer."""

from __future__ import annotations

import base64
import ssl
import subprocess
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import urllib3
import yaml

from nodeseed.spec.fields import parse_address
from nodeseed_lab.errors import LabError

REQUEST_SECONDS = 5


class Unreachable(LabError):
    """The API does not answer, or answers with an error; while a cluster assembles, this passes."""


class Api:
    """A connection that does not depend on anybody resolving the endpoint's name.

    Args:
        admin_conf: the operator's kubeconfig.
        address: where the load balancer listens.
        host: the name (or address) that its certificate must be made out to.
        port: the load balancer's.
        kubectl: the program.
    """

    def __init__(
        self, admin_conf: Path, *, address: str, host: str, port: int, kubectl: Path
    ) -> None:
        self._admin_conf = admin_conf
        self._address = f"[{address}]" if ":" in address else address
        self._host = host
        self._port = port
        self._kubectl = kubectl
        self._pool = urllib3.HTTPSConnectionPool(
            address,
            port,
            maxsize=1,
            timeout=urllib3.Timeout(REQUEST_SECONDS),
            retries=False,
            ssl_context=_identity(admin_conf),
            server_hostname=None if parse_address(host) else host,
            assert_hostname=host,
        )

    def get(self, path: str) -> dict[str, Any]:
        """Give an object or a list.

        Raises:
            Unreachable: there is no answer, or not this one.
        """
        return self._request("GET", path)

    def create(self, path: str, what: dict[str, Any]) -> dict[str, Any]:
        """Make an object in a collection; give it as it is now.

        Raises:
            Unreachable: there is no answer, or it was not made.
        """
        return self._request("POST", path, json=what)

    def _request(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        try:
            answer = self._pool.request(method, path, **body)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"the API does not answer at {self._address}: {error}") from None
        if answer.status not in (200, 201):
            raise Unreachable(f"the API answers {path} with {answer.status}")
        return cast("dict[str, Any]", answer.json())

    def kubectl_command(self, *arguments: str) -> list[str]:
        """The command that runs kubectl as the operator, through the load balancer."""
        return [
            str(self._kubectl),
            f"--kubeconfig={self._admin_conf}",
            f"--server=https://{self._address}:{self._port}",
            f"--tls-server-name={self._host}",
            *arguments,
        ]

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl; give what it printed.

        Raises:
            LabError: it failed; the message holds what it said.
        """
        done = subprocess.run(
            self.kubectl_command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LabError(
                f"kubectl {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

    def missing(self, nodes: Collection[str]) -> str:
        """Say what is still missing until the cluster works; empty if nothing is.

        Args:
            nodes: names of the nodes that must be Ready.
        """
        try:
            said = missing_nodes(self.get("/api/v1/nodes"), nodes)
            return said or missing_dns(
                self.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
            )
        except Unreachable as error:
            return str(error)


def _identity(admin_conf: Path) -> ssl.SSLContext:
    """Who a kubeconfig trusts, and who it is; Python reads such things from files alone."""
    document = yaml.safe_load(admin_conf.read_text(encoding="utf-8"))
    found = {**document["clusters"][0]["cluster"], **document["users"][0]["user"]}
    pem = {name: base64.b64decode(text) for name, text in found.items() if name.endswith("-data")}
    context = ssl.create_default_context(cadata=pem["certificate-authority-data"].decode())
    with tempfile.NamedTemporaryFile(prefix="nodeseed-lab-") as file:
        file.write(pem["client-certificate-data"] + pem["client-key-data"])
        file.flush()
        context.load_cert_chain(file.name)
    return context


def missing_nodes(answer: dict[str, Any], nodes: Collection[str]) -> str:
    """Say which nodes of a NodeList are not there or not Ready; empty if all are."""
    conditions = {
        item["metadata"]["name"]: {
            condition["type"]: condition for condition in item["status"].get("conditions", [])
        }
        for item in answer["items"]
    }
    absent = [node for node in nodes if node not in conditions]
    reasons = {
        node: conditions[node].get("Ready", {})
        for node in nodes
        if node in conditions and conditions[node].get("Ready", {}).get("status") != "True"
    }
    if not absent and not reasons:
        return ""
    parts = [f"{len(nodes) - len(absent) - len(reasons)} of {len(nodes)} nodes Ready"]
    if absent:
        parts.append(f"not registered: {', '.join(absent)}")
    parts += [f"{node}: {ready.get('message', 'no word yet')}" for node, ready in reasons.items()]
    return "; ".join(parts)


def missing_dns(answer: dict[str, Any]) -> str:
    """Say how many replicas of the Deployment coredns are missing; empty if none is."""
    wanted = answer["spec"]["replicas"]
    there = answer.get("status", {}).get("availableReplicas", 0)
    return "" if there >= wanted else f"CoreDNS: {there} of {wanted} replicas available"
