"""Linode (Akamai)."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="linode",
    title="Linode (Akamai)",
    limit=16_384,
    text_form=True,
    paste="Metadata, user data (the API takes user-data.b64)",
    source="cluster-api-provider-linode maxBootstrapDataBytes: 16,384 bytes decoded",
)
