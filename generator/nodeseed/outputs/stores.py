"""The stores of AWS as one thing: parts by name, written once and never over one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from nodeseed.transports import TRANSPORTS
from nodeseed.transports.transport import from_text, text_form


class Store(Protocol):
    """Where parts of payloads lie; names are never written twice."""

    workers: int

    def names(self, prefix: str) -> Iterator[str]:
        """All names that begin so."""

    def create(self, name: str, part: bytes) -> bool:
        """Write a part; False: the name was there already, and nothing was written."""

    def read(self, name: str) -> bytes:
        """The part of this name; KeyError: there is none."""

    def remove(self, name: str) -> None:
        """Take a part away."""


class S3:
    """Objects; the service itself checks their SHA-256 when they arrive."""

    workers = 16

    def __init__(self, client: Any, settings: Mapping[str, str]) -> None:
        self._client = client
        self._bucket = settings["bucket"]
        key = settings["kmsKey"]
        # Without the bucket's own key the object's ARN is in KMS's context, as policies ask.
        self._encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "BucketKeyEnabled": False}
            if key
            else {"ServerSideEncryption": "AES256"}
        )

    def names(self, prefix: str) -> Iterator[str]:
        """Keys that begin so, a thousand a page."""
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", ()))

    def create(self, name: str, part: bytes) -> bool:
        """PutObject that fails where there is an object, over a checksum."""
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=part,
                IfNoneMatch="*",
                ChecksumAlgorithm="SHA256",
                **self._encryption,
            )
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
        return True

    def read(self, name: str) -> bytes:
        """GetObject."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=name)
        except self._client.exceptions.NoSuchKey:
            raise KeyError(name) from None
        body: bytes = answer["Body"].read()
        return body

    def remove(self, name: str) -> None:
        """DeleteObject; in a versioned bucket the old version stays."""
        self._client.delete_object(Bucket=self._bucket, Key=name)


class SecretsManager:
    """Secrets; what is removed can be restored for a week."""

    workers = 4

    def __init__(self, client: Any, settings: Mapping[str, str]) -> None:
        self._client = client
        self._key = {"KmsKeyId": settings["kmsKey"]} if settings["kmsKey"] else {}

    def names(self, prefix: str) -> Iterator[str]:
        """Secrets that are not on their way out."""
        pages = self._client.get_paginator("list_secrets")
        for page in pages.paginate(Filters=[{"Key": "name", "Values": [prefix]}]):
            for secret in page["SecretList"]:
                if secret["Name"].startswith(prefix):
                    yield secret["Name"]

    def create(self, name: str, part: bytes) -> bool:
        """CreateSecret, which never changes one."""
        try:
            self._client.create_secret(Name=name, SecretBinary=part, **self._key)
        except self._client.exceptions.ResourceExistsException:
            return False
        return True

    def read(self, name: str) -> bytes:
        """GetSecretValue."""
        try:
            answer = self._client.get_secret_value(SecretId=name)
        except self._client.exceptions.ResourceNotFoundException:
            raise KeyError(name) from None
        part: bytes = answer["SecretBinary"]
        return part

    def remove(self, name: str) -> None:
        """DeleteSecret, with a week to think better of it."""
        self._client.delete_secret(SecretId=name, RecoveryWindowInDays=7)


class Ssm:
    """Parameters; they are text, so parts are base64."""

    workers = 1  # PutParameter: three a second

    def __init__(self, client: Any, settings: Mapping[str, str]) -> None:
        self._client = client
        self._key = {"KeyId": settings["kmsKey"]} if settings["kmsKey"] else {}

    def names(self, prefix: str) -> Iterator[str]:
        """Parameters; the service names them without their values."""
        pages = self._client.get_paginator("describe_parameters")
        below = {"Key": "Name", "Option": "BeginsWith", "Values": [prefix]}
        for page in pages.paginate(ParameterFilters=[below]):
            yield from (parameter["Name"] for parameter in page["Parameters"])

    def create(self, name: str, part: bytes) -> bool:
        """PutParameter without Overwrite."""
        try:
            self._client.put_parameter(
                Name=name,
                Value=text_form(part),
                Type="SecureString",
                Tier="Intelligent-Tiering",  # what fits into a standard parameter costs nothing
                Overwrite=False,
                **self._key,
            )
        except self._client.exceptions.ParameterAlreadyExists:
            return False
        return True

    def read(self, name: str) -> bytes:
        """GetParameter, decrypted."""
        try:
            found = self._client.get_parameter(Name=name, WithDecryption=True)
        except self._client.exceptions.ParameterNotFound:
            raise KeyError(name) from None
        return from_text(found["Parameter"]["Value"])

    def remove(self, name: str) -> None:
        """DeleteParameter, at once."""
        self._client.delete_parameter(Name=name)


_STORES: Final[Mapping[str, type[S3 | SecretsManager | Ssm]]] = {
    "s3": S3,
    "secrets-manager": SecretsManager,
    "ssm": Ssm,
}


def open_store(settings: Mapping[str, str], client: Any) -> Store:
    """The store that the ``transport`` of publish.json names, through boto3's client for it."""
    return _STORES[settings["name"]](client, settings)


def aws_store(settings: Mapping[str, str]) -> Store:
    """The same, with a client of the operator's own AWS session; boto3 takes long to load."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client(
        TRANSPORTS[settings["name"]].service,
        region_name=settings["region"],
        endpoint_url=settings["endpoint"] or None,
        config=Config(
            retries={"mode": "adaptive", "max_attempts": 10},
            max_pool_connections=S3.workers,
            connect_timeout=10,
        ),
    )
    return open_store(settings, client)
