"""NoCloud (ISO, USB, bare metal)."""

from __future__ import annotations

from nodeseed.platforms.nocloud_network import NetworkOptions
from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="nocloud",
    title="NoCloud (ISO, USB, bare metal)",
    limit=None,
    encoding="plain",
    flat_layer2=True,
    nocloud=True,
    paste="user-data, meta-data and network-config on a volume labelled CIDATA",
    source="cloud-init NoCloud: files on a volume",
    options=NetworkOptions,
)
