"""Approves the certificates of elastic pools' machines, and leaves everything else to people.

It asks as kube-controller-manager, the approver of all other kubelets' certificates.
"""

from __future__ import annotations

import base64
import json
import re
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from nodeseed_node.csr import ours, refusal
from nodeseed_node.https import tls
from nodeseed_node.machine import Machine

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
PAIR = "run/nodeseed/approve.pem"


def approve(m: Machine) -> int:
    """Watch for requests, for ever. Every control plane does; who comes second finds it done."""
    m.until(lambda: _requests(m))
    return 0


def _talk(m: Machine, path: str, body: Any = None) -> HTTPResponse:
    """Ask our own API server; the answer may be a stream."""
    pair = re.findall(r"client-.+-data: (\S+)", m.text("etc/kubernetes/controller-manager.conf"))
    m.write(PAIR, b"".join(map(base64.b64decode, pair)), 0o600)
    context = tls(m, "", "")
    context.load_cert_chain(m.path(PAIR))
    to = urlsplit(m.config["server"]).netloc
    connection = HTTPSConnection(to, timeout=90, context=context)
    headers = {"Content-Type": "application/merge-patch+json"} if body else {}
    connection.request("PATCH" if body else "GET", path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    if answer.status not in (200, 409):  # 409: another control plane was faster
        raise OSError(json.load(answer)["message"])
    return answer


def _requests(m: Machine) -> str:
    """Look at every request that there is, and at each that comes within ten seconds."""
    waiting = []
    try:
        for line in _talk(m, REQUESTS + "?watch=1&timeoutSeconds=10"):
            event = json.loads(line)
            request = event["object"]
            if event["type"] != "ADDED" or request["status"] or not ours(request["spec"]):
                continue
            name, spec = request["metadata"]["name"], request["spec"]
            who = f"{name} of {spec['username']}"
            nodes = json.load(_talk(m, "/api/v1/nodes"))["items"]
            try:
                why = refusal(spec, m.config, nodes)
            except (LookupError, ValueError) as error:  # anybody may write anything
                why = repr(error)
            if why:
                waiting.append(f"{who}: {why}")
                continue
            condition = {"type": "Approved", "status": "True", "reason": "NodeseedPool"}
            metadata = {"resourceVersion": request["metadata"]["resourceVersion"]}
            patch = {"metadata": metadata, "status": {"conditions": [condition]}}
            _talk(m, f"{REQUESTS}/{name}/approval", patch)
            m.say("approved " + who)
    except HTTPException as error:
        raise OSError(str(error)) from error
    return "not approved: " + "; ".join(waiting[:5]) if waiting else "watching"
