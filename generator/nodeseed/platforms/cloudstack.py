"""Apache CloudStack."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="cloudstack",
    title="Apache CloudStack",
    limit=32_768,
    counted="base64",
    text_form=True,
    paste="userdata of deployVirtualMachine (user-data.b64)",
    metadata_where="the DHCP server (virtual router)",
    node_name="the virtual machine's name",
    provider_id="external-cloudstack://VM-UUID",
    node_source="cloud-init DataSourceCloudStack.py; apache/cloudstack-kubernetes-provider",
    source="CloudStack API: 32 KB of base64",
)
