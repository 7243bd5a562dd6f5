"""Parameters in AWS Systems Manager's Parameter Store."""

from __future__ import annotations

from nodeseed.transports.options import StoreOptions
from nodeseed.transports.transport import Transport

TRANSPORT = Transport(
    name="ssm",
    title="AWS Systems Manager Parameter Store",
    options=StoreOptions,
    service="ssm",
    root="/",
    part_bytes=6_144,  # 8,192 characters in base64
    parts=16,
    headers={
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "AmazonSSM.GetParameter",
    },
    request=lambda name: {"Name": name, "WithDecryption": True},
    answer=("Parameter", "Value"),
    arn="ssm:{region}:*:parameter{name}",
    read="ssm:GetParameter",
    delete="ssm:DeleteParameter",
    delete_headers={"x-amz-target": "AmazonSSM.DeleteParameter"},
    delete_request=lambda name: {"Name": name},
    publish=("ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"),
    listing="ssm:DescribeParameters",
    context="PARAMETER_ARN",
    source="Systems Manager API, PutParameter: 8 KB for an advanced parameter",
)
