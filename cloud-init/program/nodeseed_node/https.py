"""One HTTPS request, trusting one of our own CAs, never through a proxy."""

from __future__ import annotations

import json
import ssl
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from nodeseed_node.machine import Machine

PKI = "etc/kubernetes/pki/"


def tls(
    m: Machine, ca: str, pair: str, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH
) -> ssl.SSLContext:
    """Whom we trust and, if there is a pair, who we are; both below the PKI folder."""
    context = ssl.create_default_context(purpose, cafile=m.path(f"{PKI}{ca}ca.crt"))
    if pair:
        context.load_cert_chain(m.path(f"{PKI}{pair}.crt"), m.path(f"{PKI}{pair}.key"))
    return context


def https(m: Machine, url: str, ca: str = "", pair: str = "", body: Any = None) -> tuple[int, str]:
    """Ask and give status and text; POST if there is a body.

    Args:
        m: Where the certificates are.
        url: The whole of it.
        ca: `etcd/` for etcd's CA; otherwise the cluster's.
        pair: Our certificate and key below the PKI folder, without .crt and .key.
        body: Sent as JSON.

    Raises:
        OSError: No answer, or none that can be trusted.
    """
    to = urlsplit(url)
    connection = HTTPSConnection(to.netloc, timeout=3, context=tls(m, ca, pair))
    try:
        connection.request("POST" if body else "GET", to.path, json.dumps(body) if body else None)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
