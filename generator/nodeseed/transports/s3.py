"""Objects in an S3 bucket."""

from __future__ import annotations

from pydantic import Field

from nodeseed.transports.options import Bucket, StoreOptions
from nodeseed.transports.transport import Transport


class Options(StoreOptions):
    """Keys of the ``transport`` block."""

    bucket: Bucket = Field(
        description="A bucket of yours, without public access; versioning is wise."
    )


TRANSPORT = Transport(
    name="s3",
    title="Amazon S3",
    options=Options,
    service="s3",
    part_bytes=5 << 30,
    arn="s3:::{bucket}/{name}",
    read="s3:GetObject",
    delete="s3:DeleteObject",
    publish=("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    listing="s3:ListBucket",
    context="aws:s3:arn",
    source="S3 User Guide: 5 GiB in one PUT",
)
