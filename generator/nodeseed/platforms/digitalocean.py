"""DigitalOcean."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="digitalocean",
    title="DigitalOcean",
    limit=65_536,
    encoding="mime",
    paste="Advanced options, Add initialization scripts",
    source="DigitalOcean API: plain text, 64 KiB",
)
