"""One HTTPS request, trusting one of our own CAs, never through a proxy."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

from nodeseed_node.machine import Machine

PKI = "etc/kubernetes/pki/"


def https(
    m: Machine, url: str, ca: str = "", pair: str = "", body: Any = None, timeout: float = 2
) -> tuple[int, str, str]:
    """Ask and give status, etcd's cluster ID and the text; POST if there is a body.

    Args:
        m: Where the certificates are.
        url: The whole of it.
        ca: `etcd/` for etcd's CA; otherwise the cluster's.
        pair: Our certificate and key below the PKI folder, without .crt and .key.
        body: Sent as JSON.
        timeout: In seconds, for each send and receive.

    Raises:
        OSError: No answer, or none that can be trusted.
    """
    to = urlsplit(url)
    context = ssl.create_default_context(cafile=str(m.path(f"{PKI}{ca}ca.crt")))
    if pair:
        context.load_cert_chain(m.path(f"{PKI}{pair}.crt"), m.path(f"{PKI}{pair}.key"))
    connection = http.client.HTTPSConnection(
        to.hostname or "", to.port, timeout=timeout, context=context
    )
    try:
        connection.request("POST" if body else "GET", to.path, json.dumps(body) if body else None)
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, response.getheader("X-Etcd-Cluster-ID", ""), text
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
