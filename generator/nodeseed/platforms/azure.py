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
    source="Azure REST, osProfile.customData: 65,535 bytes decoded",
)
