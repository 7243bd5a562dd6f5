"""Linode (Akamai)."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="linode",
    title="Linode (Akamai)",
    limit=16_384,
    text_form=True,
    paste="Metadata, user data (the API takes user-data.b64)",
    metadata=("169.254.169.254", "fd00:a9fe:a9fe::1"),
    node_name="the Linode's label",
    provider_id="linode://LINODE-ID",
    node_source="cloud-init DataSourceAkamai.py (not before 23.3); linode-cloud-controller-manager",
    source="cluster-api-provider-linode maxBootstrapDataBytes: 16,384 bytes decoded",
)
