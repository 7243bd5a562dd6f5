"""KubeVirt."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="kubevirt",
    title="KubeVirt",
    limit=1_000_000,
    counted="base64",
    text_form=True,
    paste="a Secret that cloudInitNoCloud.secretRef names, key userdata (data: user-data.b64)",
    node_name="the virtual machine instance's name",
    provider_id="kubevirt://NAME",
    node_source="kubevirt/cloud-provider-kubevirt",
    source="KubeVirt cloudInitNoCloud: 2,048 bytes inline, so a Secret (1 MiB) it is",
)
