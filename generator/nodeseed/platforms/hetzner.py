"""Hetzner Cloud."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="hetzner",
    title="Hetzner Cloud",
    limit=32_768,
    encoding="base64-gzip",
    paste="Cloud config",
    metadata=("169.254.169.254",),
    node_name="the server's name",
    provider_id="hcloud://SERVER-ID",
    node_source="cloud-init DataSourceHetzner.py; hcloud-cloud-controller-manager, Provider ID",
    builder="hcloud",
    source=("Hetzner Cloud API: 32 KiB; cloud-init DataSourceHetzner.py decodes base64, then gzip"),
)
