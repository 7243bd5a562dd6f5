"""Oracle Cloud Infrastructure."""

from __future__ import annotations

from nodeseed.platforms.platform import Platform

PLATFORM = Platform(
    name="oci",
    title="Oracle Cloud Infrastructure",
    limit=30_000,
    counted="base64",
    text_form=True,
    paste="metadata.user_data (user-data.b64)",
    reserved_first=2,
    reserved_last=1,
    metadata=("169.254.169.254", "fd00:c1::a9fe:a9fe"),
    node_name="the instance's display name",
    provider_id="oci://INSTANCE-OCID",
    node_source="cloud-init DataSourceOracle.py; oci-cloud-controller-manager, client/compute.go",
    source=(
        "OCI API: 32,000 bytes of base64 for all metadata together; 2,000 are left for "
        "SSH keys and names"
    ),
)
