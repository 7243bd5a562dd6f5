"""Proxmox VE."""

from __future__ import annotations

from nodeseed.platforms.nocloud_network import NetworkOptions
from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="proxmox",
    title="Proxmox VE",
    limit=None,
    encoding="plain",
    flat_layer2=True,
    nocloud=True,
    paste="a snippet: qm set VMID --cicustom user=local:snippets/NODE.yml",
    node_name="the virtual machine's name",
    provider_id="proxmox://REGION/VMID",
    node_source="sergelogvinov/proxmox-cloud-controller-manager",
    source="Proxmox VE cicustom: a file on a storage with snippets",
    options=NetworkOptions,
)
