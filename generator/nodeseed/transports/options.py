"""The keys of the ``transport`` block that all stores of AWS have, each with its rule and cure."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pyrage
from pydantic import Field, PlainValidator

from nodeseed.spec.fields import Block, Form, NodePath, Unique, Url, line, refusal

_PREFIX = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,9}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")
_KEY = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+")


def _matching(pattern: re.Pattern[str], what: str, cure: str) -> Any:
    def check(value: Any) -> str:
        found = line(value)
        if not pattern.fullmatch(found):
            raise refusal(f"{found!r} is no {what}", cure)
        return found

    return PlainValidator(check)


Bucket = Annotated[
    str,
    _matching(_BUCKET, "bucket name", "write 3 to 63 of a-z, 0-9, . and -: its name, not its ARN"),
    Form("name of a bucket"),
]
Prefix = Annotated[
    str,
    _matching(_PREFIX, "prefix", "write words of letters, digits, - and _, with / between them"),
    Form("words with / between them"),
]
Region = Annotated[
    str,
    _matching(_REGION, "AWS region", "write it such as eu-central-1 (not a zone, eu-central-1a)"),
    Form("AWS region"),
]
KmsKey = Annotated[
    str,
    _matching(
        _KEY,
        "ARN of a KMS key",
        "write arn:aws:kms:REGION:ACCOUNT:key/ID (policies cannot name an alias)",
    ),
    Form("ARN of a KMS key"),
]


def _recipient(value: Any) -> str:
    found = line(value)
    if found.upper().startswith("AGE-SECRET-KEY"):
        raise refusal(
            "what is written is an identity, a secret", "write its recipient: age-keygen -y FILE"
        )
    try:
        pyrage.x25519.Recipient.from_str(found)
    except pyrage.RecipientError:
        raise refusal(
            f"{found!r} is no recipient of age", "write age1…, as `age-keygen -y FILE` prints it"
        ) from None
    return found


Recipient = Annotated[str, PlainValidator(_recipient), Form("recipient of age (age1…)")]


class Age(Block):
    """Encryption of payloads with age, beside that of the store."""

    recipients: Annotated[tuple[Recipient, ...], Field(strict=False, min_length=1), Unique] = Field(
        description="Who can open payloads: the machines' identity, as age-keygen prints it."
    )
    identity: NodePath = Field(
        default="/etc/nodeseed/age.key",
        description="Where the identity lies on the machines; the image brings it, and `age`.",
    )


class StoreOptions(Block):
    """What can be said of every store."""

    prefix: Prefix = Field(
        default="nodeseed",
        description="How names begin; behind it come CLUSTER-ID/NODE/REVISION-DIGEST.",
    )
    region: Region | None = Field(
        default=None, description="Where the store is. Default: the platform's region."
    )
    kmsKey: KmsKey | None = Field(  # noqa: N815
        default=None,
        description="A key of your own to encrypt with, by ARN. Default: the service's own.",
    )
    endpoint: Url | None = Field(
        default=None,
        description="Another address of the service, such as an interface VPC endpoint's.",
    )
    age: Age | None = Field(
        default=None, description="Payloads are encrypted with age before they leave you."
    )
    deleteAfterRead: bool = Field(  # noqa: N815
        default=False,
        description="Each node deletes its payload from the store once it is installed; a machine "
        "that replaces it waits until you publish again.",
    )


def key_region(arn: str) -> str:
    """The region in which a KMS key lies, from its ARN."""
    found = _KEY.fullmatch(arn)
    return found["region"] if found else ""
