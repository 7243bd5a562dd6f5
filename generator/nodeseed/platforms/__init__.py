"""Where the machines run: one small module for each platform, and one table.

Adding a platform is a module with a ``PLATFORM`` and its line here.
"""

from __future__ import annotations

from typing import Final

from nodeseed.platforms import (
    aws,
    azure,
    cloudstack,
    digitalocean,
    gcp,
    hetzner,
    kubevirt,
    linode,
    nocloud,
    oci,
    openstack,
    proxmox,
    scaleway,
    vsphere,
    vultr,
)
from nodeseed.platforms.platform import Platform

PLATFORMS: Final[dict[str, Platform]] = {
    module.PLATFORM.name: module.PLATFORM
    for module in (
        aws,
        gcp,
        azure,
        openstack,
        digitalocean,
        hetzner,
        linode,
        oci,
        vultr,
        scaleway,
        vsphere,
        proxmox,
        cloudstack,
        kubevirt,
        nocloud,
    )
}
