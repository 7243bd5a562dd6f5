"""An AWS of our own: moto's server, the operator's clients, and machines with instance roles."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
import yaml

from nodeseed.outputs.publication import load_index
from nodeseed.outputs.publish import Published, Wishes, publish
from nodeseed.outputs.stores import Store, open_store
from nodeseed.pipeline import prepare
from nodeseed_node import fetch as step
from nodeseed_node.delete_payload import delete_payload
from nodeseed_node.install import install
from tests.conftest import Change, Workplace
from tests.nodes.changes import aws, put
from tests.program.machines import FakeMachine
from tests.program.metadata import Metadata, served

REGION = "eu-central-1"
BUCKET = "payloads"
SERVICES = {"s3": "s3", "secrets-manager": "secretsmanager", "ssm": "ssm"}
REMOTE = list(SERVICES)


@cache
def _client(service: str, url: str, keys: tuple[tuple[str, str], ...]) -> Any:
    return boto3.client(service, region_name=REGION, endpoint_url=url, **dict(keys))


class Cloud:
    """An account with a bucket and a key; each test has names of its own in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = ""
        self.prefix = ""

    def set_up(self) -> None:
        """Wait for the server, then make what an operator has anyway."""
        end = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{self.url}/moto-api/", timeout=10)
                break
            except requests.ConnectionError:
                assert time.monotonic() < end, "moto's server does not start"
                time.sleep(0.1)
        self.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.key = self.client("kms").create_key()["KeyMetadata"]["Arn"]

    def client(self, service: str, **keys: str) -> Any:
        """A client of the operator's, or with other keys; the same one again, they take long."""
        keys = keys or {"aws_access_key_id": "operator", "aws_secret_access_key": "secret"}
        return _client(service, self.url, tuple(keys.items()))

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """From here on every request needs a valid signature and a policy that allows it."""
        self._authenticate_after("0")
        try:
            yield
        finally:
            self._authenticate_after("inf")

    def _authenticate_after(self, count: str) -> None:
        requests.post(f"{self.url}/moto-api/reset-auth", data=count, timeout=10)

    def role(self, name: str, policy: bytes) -> dict[str, Any]:
        """Credentials of a role with a policy, as the metadata service lends them."""
        iam = self.client("iam")
        name = f"{self.prefix}-{name}"
        trust = {"Version": "2012-10-17", "Statement": []}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"][
            "Arn"
        ]
        document = json.loads(policy)
        for statement in document["Statement"]:
            if not str(statement["Resource"]).startswith("arn:aws:s3:"):
                # moto checks signature and action of services with JSON, never their resource;
                # tests/nodes/test_access.py looks at those
                statement["Resource"] = "*"
        iam.put_role_policy(
            RoleName=name, PolicyName="payload", PolicyDocument=json.dumps(document)
        )
        lent = self.client("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
        return {
            "Code": "Success",
            "AccessKeyId": lent["AccessKeyId"],
            "SecretAccessKey": lent["SecretAccessKey"],
            "Token": lent["SessionToken"],
        }

    def transport(self, name: str, **keys: str) -> Change:
        """The change of a cluster file that sends payloads here."""
        block = {"name": name, "endpoint": self.url, "prefix": self.prefix, **keys}
        return put("transport", {**block, "bucket": BUCKET} if name == "s3" else block)

    def render(self, workplace: Workplace, name: str, *changes: Change, **keys: str) -> None:
        workplace.write(aws, self.transport(name, **keys), *changes)
        workplace.render()

    def index(self, workplace: Workplace) -> dict[str, Any]:
        state = workplace.state
        return load_index(prepare(state), workplace.out, state.required_lock().revision)

    def store(self, index: dict[str, Any], **keys: str) -> Store:
        name = index["transport"]["name"]
        return open_store(index["transport"], self.client(SERVICES[name], **keys))

    def publish(self, workplace: Workplace, **wishes: bool) -> Published:
        index = self.index(workplace)
        return publish(index, workplace.out, self.store(index), Wishes(**wishes))


@contextmanager
def moto(address: str = "127.0.0.1") -> Iterator[Cloud]:
    """An account on a moto server of its own."""
    with socket.create_server((address, 0)) as free:
        port = free.getsockname()[1]
    # a process of its own: within this one, mock_aws of other tests would empty it
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", address, "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        made = Cloud(f"http://{address}:{port}")
        made.set_up()
        yield made
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def account() -> Iterator[Cloud]:
    """One for all tests of a process: a new one takes moto a second."""
    with moto() as made:
        yield made


@pytest.fixture
def cloud(account: Cloud, tmp_path: Path) -> Cloud:
    account.prefix = "t" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    return account


class Instance:
    """A machine that got a user-data, as far as cloud-init would have brought it."""

    def __init__(self, root: Path, user_data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.m = FakeMachine(root, "fetch")
        self.metadata = Metadata()
        self._patch = monkeypatch
        for file in yaml.safe_load(user_data)["write_files"]:
            mode = int(file["permissions"], 8)
            self.m.write(file["path"][1:], file["content"], mode)

    def fetch(self) -> None:
        """Run the step; with the time as it is, since signatures carry it."""
        self._patch.setattr(FakeMachine, "now", lambda _: time.time())
        with served(self.metadata.handle) as url:
            self._patch.setattr(step, "METADATA", f"{url}/latest/")
            assert step.fetch(self.m) == 0

    def delete_payload(self) -> None:
        self.m.step = "delete-payload"
        with served(self.metadata.handle) as url:
            self._patch.setattr(step, "METADATA", f"{url}/latest/")
            assert delete_payload(self.m) == 0

    def install(self) -> None:
        self.m.step = "install"
        assert install(self.m) == 0

    @property
    def files(self) -> dict[str, tuple[int, bytes]]:
        """Mode and content of every file but what the tests' machine itself brings along."""
        return {
            name: (path.stat().st_mode & 0o7777, path.read_bytes())
            for path in sorted(self.m.root.rglob("*"))
            if path.is_file()
            for name in [path.relative_to(self.m.root).as_posix()]
            if not name.startswith(("dev/", "run/"))
        }
