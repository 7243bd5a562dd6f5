"""OpenStack."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="openstack",
    title="OpenStack",
    limit=65_535,
    counted="base64",
    paste="openstack server create --user-data FILE",
    source="nova user-data: 65,535 bytes of base64",
)
