"""Google Compute Engine."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="gcp",
    title="Google Compute Engine",
    limit=262_144,
    encoding="base64-gzip",
    paste="metadata key user-data, with user-data-encoding: base64 beside it",
    reserved_first=2,
    reserved_last=2,
    metadata=("169.254.169.254",),
    node_name="the instance's name",
    provider_id="gce://PROJECT/ZONE/NAME",
    node_source="cloud-init DataSourceGCE.py; kubernetes.io, Cloud Providers",
    builder="googlecompute",
    source="Compute Engine metadata: 256 KB a value; cloud-init DataSourceGCE.py decodes",
)
