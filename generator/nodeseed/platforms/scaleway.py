"""Scaleway."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="scaleway",
    title="Scaleway",
    limit=65_536,
    encoding="mime",
    paste="PATCH user_data/cloud-init with the file as body",
    metadata=("169.254.42.42", "fd00:42::42"),
    node_name="the instance's name",
    provider_id="scaleway://instance/ZONE/SERVER-ID",
    node_source="cloud-init DataSourceScaleway.py; scaleway-cloud-controller-manager",
    source=(
        "cloud-init DataSourceScaleway.py takes text alone; the limit is undocumented, "
        "64 KiB is assumed"
    ),
)
