"""Hetzner Cloud."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="hetzner",
    title="Hetzner Cloud",
    limit=32_768,
    encoding="base64-gzip",
    paste="Cloud config",
    source=("Hetzner Cloud API: 32 KiB; cloud-init DataSourceHetzner.py decodes base64, then gzip"),
)
