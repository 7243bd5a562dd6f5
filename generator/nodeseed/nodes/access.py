"""IAM policies: each node reads its own payload only, the operator publishes all of them. Pure."""

from __future__ import annotations

import json
from typing import Any

from nodeseed.nodes.design import Design
from nodeseed.nodes.transport import cluster_prefix, deletes_after_read, partition, settings_of


def node_policy(design: Design, cluster_id: str, node: str) -> bytes:
    """For the role of one instance: read the parts of this node's payloads, of any revision.

    Where nodes delete what they have read, it may do that with the same parts.
    """
    arn = _arn(design, f"{cluster_prefix(design, cluster_id)}{node}/*")
    statements = [_allow("ReadOwnPayload", [design.transport.read], arn)]
    if deletes_after_read(design):
        statements.append(_allow("DeleteOwnPayload", [design.transport.delete], arn))
    return _document(statements + _kms(design, arn, ["kms:Decrypt"]))


def publisher_policy(design: Design, cluster_id: str) -> bytes:
    """For whoever runs ``nodeseed publish``: list, read, write and remove this cluster's parts."""
    transport, prefix = design.transport, cluster_prefix(design, cluster_id)
    arn = _arn(design, f"{prefix}*")
    listing = _allow("List", [transport.listing], "*")
    if transport.name == "s3":  # the only one whose listing can be narrowed
        listing["Resource"] = _arn(design, "").rstrip("/")
        listing["Condition"] = {"StringLike": {"s3:prefix": f"{prefix}*"}}
    statements = [listing, _allow("Publish", list(transport.publish), arn)]
    return _document(
        statements + _kms(design, arn, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"])
    )


def _arn(design: Design, name: str) -> str:
    settings = settings_of(design)
    text = design.transport.arn.format(
        bucket=settings["bucket"], region=settings["region"], name=name
    )
    return f"arn:{partition(settings['region'])}:{text}"


def _allow(sid: str, actions: list[str], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _kms(design: Design, arn: str, actions: list[str]) -> list[dict[str, Any]]:
    """The key, through this service and for these parts alone; AWS's own keys need no policy."""
    settings = settings_of(design)
    if not settings["kmsKey"]:
        return []
    suffix = ".cn" if settings["region"].startswith("cn-") else ""
    service = f"{design.transport.service}.{settings['region']}.amazonaws.com{suffix}"
    return [
        {
            **_allow("Key", actions, settings["kmsKey"]),
            "Condition": {
                "StringEquals": {"kms:ViaService": service},
                "StringLike": {f"kms:EncryptionContext:{design.transport.context}": arn},
            },
        }
    ]


def _document(statements: list[dict[str, Any]]) -> bytes:
    document = {"Version": "2012-10-17", "Statement": statements}
    return (json.dumps(document, indent=2) + "\n").encode()
