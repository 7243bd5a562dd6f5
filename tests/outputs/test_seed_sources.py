"""A seed at rest: in clear, encrypted with age, or in a store of AWS."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import boto3
import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from moto import mock_aws

from nodeseed.errors import SeedError
from nodeseed.outputs.seed_sources import open_seed
from nodeseed.pki.seed import seed_text

TEXT = seed_text(bytes(range(32)))


def never(service: str) -> Any:
    raise AssertionError(f"no client of {service} is needed")


def test_a_seed_in_clear_is_itself() -> None:
    assert open_seed(TEXT.encode() + b"\n", "x.seed", identity=None, client=never) == TEXT


def test_age_with_an_age_identity(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    file = tmp_path / "key.txt"
    file.write_text(f"# created: today\n{identity}\n")
    sealed = pyrage.encrypt(TEXT.encode(), [identity.to_public()])
    armored = pyrage.encrypt(TEXT.encode(), [identity.to_public()], armored=True)
    for content in (sealed, armored):
        assert open_seed(content, "x.seed", identity=file, client=never) == TEXT
        with pytest.raises(SeedError, match="NODESEED_AGE_IDENTITY=FILE"):
            open_seed(content, "x.seed", identity=None, client=never)


def test_age_with_an_ssh_key_and_with_the_wrong_one(tmp_path: Path) -> None:
    ours, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = ours.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    sealed = pyrage.encrypt(TEXT.encode(), [pyrage.ssh.Recipient.from_str(public)])
    file = tmp_path / "id_ed25519"
    for key, opens in ((ours, True), (other, False)):
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        if opens:
            assert open_seed(sealed, "x.seed", identity=file, client=never) == TEXT
        else:
            with pytest.raises(SeedError, match="does not open this seed"):
                open_seed(sealed, "x.seed", identity=file, client=never)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="eu-central-1")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_stores_of_aws(aws: Any) -> None:
    aws("secretsmanager").create_secret(Name="seed", SecretString=TEXT)
    aws("ssm").put_parameter(Name="/seed", Value=TEXT, Type="SecureString")
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    blob = aws("kms").encrypt(KeyId=key, Plaintext=TEXT.encode())["CiphertextBlob"]
    for place in (
        "aws-secretsmanager:seed",
        "aws-ssm:/seed",
        f"aws-kms:{base64.b64encode(blob).decode()}",
    ):
        assert open_seed(place.encode(), "NODESEED_SEED", identity=None, client=aws) == TEXT


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_absent_secret_is_said_plainly(aws: Any) -> None:
    with pytest.raises(SeedError, match="aws-ssm: AWS says ParameterNotFound; check name"):
        open_seed(b"aws-ssm:/nothing", "NODESEED_SEED", identity=None, client=aws)
    with pytest.raises(SeedError, match="no base64 ciphertext"):
        open_seed(b"aws-kms:???", "NODESEED_SEED", identity=None, client=aws)
