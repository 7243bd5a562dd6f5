"""Requests to this node's API server, with the most power that this node has."""

from __future__ import annotations

import json
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from nodeseed_node.https import tls
from nodeseed_node.machine import Machine


def api(m: Machine, path: str, body: Any = None, form: str = "apply-patch+yaml") -> Any:
    """Ask, or change if there is a body; give the answer.

    Args:
        m: A control plane.
        path: Such as /api/v1/nodes.
        body: What to PATCH.
        form: How the body is meant: this is a server-side apply, for which JSON is YAML.

    Raises:
        OSError: No answer, or the API server said no; the text is its own.
    """
    to = urlsplit(m.config["server"]).netloc
    connection = HTTPSConnection(to, timeout=60, context=tls(m, "", "cluster-admin"))
    try:
        headers = {"Content-Type": f"application/{form}"} if body else {}  # 415 otherwise
        connection.request("PATCH" if body else "GET", path, body and json.dumps(body), headers)
        answer = json.load(connection.getresponse())
    except HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    if answer["kind"] == "Status":
        raise OSError(answer["message"])
    return answer
