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
    source=(
        "OCI API: 32,000 bytes of base64 for all metadata together; 2,000 are left for "
        "SSH keys and names"
    ),
)
