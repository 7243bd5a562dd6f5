"""Where a seed may rest: in clear, encrypted with age, or in a store of AWS. One table.

A seed file, or NODESEED_SEED, holds the seed's text, an age file (armored or not), or the name of a
place: ``aws-secretsmanager:NAME``, ``aws-ssm:NAME`` or ``aws-kms:CIPHERTEXT`` (base64). What comes
out is the text of a seed; nothing of it is ever shown.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyrage

from nodeseed.errors import SeedError

Client = Callable[[str], Any]  # boto3.client, given the name of a service

_AGE_ARMORED = b"-----BEGIN AGE ENCRYPTED FILE-----"
_AGE_BINARY = b"age-encryption.org/v1"


def aws_client(service: str) -> Any:
    """A boto3 client; boto3 takes long to load, and few seeds rest in AWS."""
    import boto3  # noqa: PLC0415

    return boto3.client(service)


def _secretsmanager(client: Client, name: str) -> str:
    return str(client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def _ssm(client: Client, name: str) -> str:
    found = client("ssm").get_parameter(Name=name, WithDecryption=True)
    return str(found["Parameter"]["Value"])


def _kms(client: Client, ciphertext: str) -> str:
    try:
        blob = base64.b64decode(ciphertext, validate=True)
    except binascii.Error:
        raise SeedError("aws-kms: what follows is no base64 ciphertext") from None
    plain: bytes = client("kms").decrypt(CiphertextBlob=blob)["Plaintext"]
    return plain.decode("ascii", errors="replace")


STORES: Final[dict[str, Callable[[Client, str], str]]] = {
    "aws-secretsmanager": _secretsmanager,
    "aws-ssm": _ssm,
    "aws-kms": _kms,
}


def open_seed(content: bytes, origin: str, *, identity: Path | None, client: Client) -> str:
    """The text of a seed, wherever ``content`` says that it rests.

    Args:
        content: of the seed file or of NODESEED_SEED.
        origin: which of the two, for messages.
        identity: an age identity or SSH private key file (NODESEED_AGE_IDENTITY).
        client: makes a boto3 client for a service.

    Raises:
        SeedError: it cannot be opened; the message says why and shows no secret.
    """
    if content.startswith((_AGE_BINARY, _AGE_ARMORED)):
        return _decrypt(content, origin, identity)
    text = content.decode("ascii", errors="replace").strip()
    scheme, colon, name = text.partition(":")
    if not colon or scheme not in STORES:
        return text
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - takes long

    try:
        return STORES[scheme](client, name)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise SeedError(
            f"{origin}: {scheme}: AWS says {code}; check name, region and permissions"
        ) from None
    except BotoCoreError as error:
        raise SeedError(
            f"{origin}: {scheme}: {type(error).__name__}; check AWS credentials and region"
        ) from None


def _decrypt(content: bytes, origin: str, identity: Path | None) -> str:
    if identity is None:
        raise SeedError(
            f"{origin}: the seed is encrypted with age; say where your identity is: "
            "NODESEED_AGE_IDENTITY=FILE (an age identity or an SSH private key)"
        )
    try:
        opened: bytes = pyrage.decrypt(content, [_identity(identity)])
    except OSError as error:
        raise SeedError(f"{identity}: cannot be read: {error.strerror}") from None
    except (pyrage.DecryptError, pyrage.IdentityError, ValueError):
        raise SeedError(
            f"{origin}: {identity} does not open this seed; use an identity of one of the "
            "recipients that it was encrypted to"
        ) from None
    return opened.decode("ascii", errors="replace")


def _identity(path: Path) -> Any:
    text = path.read_bytes()
    for line in text.decode("ascii", errors="replace").splitlines():
        if line.startswith("AGE-SECRET-KEY-"):
            return pyrage.x25519.Identity.from_str(line.strip())
    return pyrage.ssh.Identity.from_buffer(text)
