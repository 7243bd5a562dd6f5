"""DigitalOcean."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="digitalocean",
    title="DigitalOcean",
    limit=65_536,
    encoding="mime",
    paste="Advanced options, Add initialization scripts",
    metadata=("169.254.169.254",),
    node_name="the droplet's name",
    provider_id="digitalocean://DROPLET-ID",
    node_source="cloud-init DataSourceDigitalOcean.py; digitalocean-cloud-controller-manager",
    source="DigitalOcean API: plain text, 64 KiB",
)
