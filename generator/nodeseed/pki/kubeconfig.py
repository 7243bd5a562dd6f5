"""kubeconfig files (client.authentication: an embedded pair)."""

from __future__ import annotations

import base64
from typing import Any


def kubeconfig(
    *, cluster: str, server: str, user: str, authority: str, certificate: str, key: str
) -> dict[str, Any]:
    """A kubeconfig document; ``authority``, ``certificate`` and ``key`` are PEM text."""
    context = f"{user}@{cluster}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {"certificate-authority-data": _data(authority), "server": server},
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
        "current-context": context,
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _data(certificate),
                    "client-key-data": _data(key),
                },
            }
        ],
    }


def _data(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
