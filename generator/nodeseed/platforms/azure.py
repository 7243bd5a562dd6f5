"""Microsoft Azure."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="azure",
    title="Microsoft Azure",
    limit=65_535,
    text_form=True,
    paste="Custom data (the API takes user-data.b64)",
    reserved_first=4,
    reserved_last=1,
    hairpin=True,
    metadata=("169.254.169.254", "168.63.129.16"),
    node_name="the virtual machine's name",
    provider_id="azure:///subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Compute/virtualMachines/NAME",
    node_source="cloud-init DataSourceAzure.py, helpers/azure.py; kubernetes.io, Cloud Providers",
    builder="azure-arm",
    source="Azure REST, osProfile.customData: 65,535 bytes decoded",
)
