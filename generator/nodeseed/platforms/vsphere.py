"""VMware vSphere."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="vsphere",
    title="VMware vSphere",
    limit=65_536,
    encoding="base64-gzip",
    flat_layer2=True,
    paste="guestinfo.userdata, with guestinfo.userdata.encoding = gzip+base64",
    node_name="any: the virtual machine is found by its UUID",
    provider_id="vsphere://VM-UUID",
    node_source="cloud-init DataSourceVMware.py (guestinfo); cloud-provider-vsphere",
    source="VMware GUESTMSG_MAX_IN_SIZE: 64 KiB a value, as encoded",
)
