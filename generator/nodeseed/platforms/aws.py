"""Amazon EC2."""

from __future__ import annotations

from pydantic import Field

from nodeseed.platforms.platform import Platform
from nodeseed.spec.fields import Block, Line


class Options(Block):
    """Keys of the ``platform`` block."""

    region: Line = Field(description="AWS region, such as eu-central-1.")


PLATFORM = Platform(
    name="aws",
    title="Amazon EC2",
    limit=16_384,
    text_form=True,
    paste='Advanced details, User data: paste user-data.b64 and tick "already base64 encoded"',
    reserved_first=4,
    reserved_last=1,
    hairpin=True,
    needs_subnets=True,
    transports=("s3", "secrets-manager", "ssm"),
    metadata=("169.254.169.254", "fd00:ec2::254"),
    node_name="any: the kubelet is told its provider ID",
    provider_id="aws:///ZONE/INSTANCE-ID",
    # EC2 User Guide, hostname types: private DNS names of instances, in us-east-1 and elsewhere.
    machine_domains=(".ec2.internal", ".compute.internal"),
    tells_provider_id=True,
    node_source="cloud-init DataSourceEc2.py; kubernetes/cloud-provider-aws",
    builder="amazon-ebs",
    builder_variables=(("aws_region", "region"),),
    source="AWS EC2 User Guide, instancedata-add-user-data: 16 KB before base64",
    options=Options,
)
