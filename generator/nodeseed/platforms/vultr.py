"""Vultr."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="vultr",
    title="Vultr",
    limit=65_536,
    encoding="mime",
    text_form=True,
    paste="Cloud-Init User-Data (the API takes user-data.b64)",
    metadata=("169.254.169.254",),
    node_name="the instance's label",
    provider_id="vultr://INSTANCE-ID",
    node_source="cloud-init DataSourceVultr.py; vultr-cloud-controller-manager, instances.go",
    source="Vultr API hands the decoded text on; the limit is undocumented, 64 KiB is assumed",
)
