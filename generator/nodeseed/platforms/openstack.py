"""OpenStack."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="openstack",
    title="OpenStack",
    limit=65_535,
    counted="base64",
    paste="openstack server create --user-data FILE",
    metadata=("169.254.169.254",),
    node_name="the server's name",
    provider_id="openstack:///SERVER-ID",
    node_source="cloud-init DataSourceOpenStack.py; kubernetes.io, Cloud Providers",
    builder="openstack",
    source="nova user-data: 65,535 bytes of base64",
)
