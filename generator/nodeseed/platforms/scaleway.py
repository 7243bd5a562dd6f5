"""Scaleway."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="scaleway",
    title="Scaleway",
    limit=65_536,
    paste="PATCH user_data/cloud-init with the file as body",
    source="Scaleway Instances API: raw bytes; the limit is undocumented, 64 KiB is assumed",
)
