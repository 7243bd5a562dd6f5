"""NoCloud (ISO, USB, bare metal)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nodeseed.platforms.nocloud_network import NetworkOptions
from nodeseed.platforms.platform import Platform
from nodeseed.spec.fields import Form


class Options(NetworkOptions):
    """Keys of the ``platform`` block; ``cpus`` and ``memory`` are for ``make lab`` alone."""

    cpus: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="Processors of each machine that `make lab` starts."
    )
    memory: Annotated[
        str, Field(pattern=r"^[1-9][0-9]*[MG]i$"), Form("amount such as 2Gi or 512Mi")
    ] = Field(default="2Gi", description="Memory of each machine that `make lab` starts.")
    metadata: Literal["none", "ec2"] = Field(
        default="none",
        description="`ec2`: at 169.254.169.254 a metadata service lends each machine a role as "
        "EC2's does (IMDSv2), so that `transport` may be another than `inline`.",
    )


PLATFORM = Platform(
    name="nocloud",
    title="NoCloud (ISO, USB, bare metal)",
    limit=None,
    encoding="plain",
    flat_layer2=True,
    nocloud=True,
    paste="user-data, meta-data and network-config on a volume labelled CIDATA",
    node_name="any",
    node_source="no cloud controller manager",
    source="cloud-init NoCloud: files on a volume",
    options=Options,
)
