"""Secrets in AWS Secrets Manager."""

from __future__ import annotations

from nodeseed.transports.options import StoreOptions
from nodeseed.transports.transport import Transport

TRANSPORT = Transport(
    name="secrets-manager",
    title="AWS Secrets Manager",
    options=StoreOptions,
    service="secretsmanager",
    part_bytes=65_536,
    parts=8,
    headers={
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
    },
    request=lambda name: {"SecretId": name},
    answer=("SecretBinary",),
    arn="secretsmanager:{region}:*:secret:{name}",
    read="secretsmanager:GetSecretValue",
    delete="secretsmanager:DeleteSecret",
    delete_headers={"x-amz-target": "secretsmanager.DeleteSecret"},
    # otherwise the name cannot be published again for a week
    delete_request=lambda name: {"SecretId": name, "ForceDeleteWithoutRecovery": True},
    publish=(
        "secretsmanager:GetSecretValue",
        "secretsmanager:CreateSecret",
        "secretsmanager:DeleteSecret",
    ),
    listing="secretsmanager:ListSecrets",
    context="SecretARN",
    source="Secrets Manager API, CreateSecret: SecretBinary up to 65,536 bytes",
)
