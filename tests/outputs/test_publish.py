"""``nodeseed publish``: each name once, broken off and run again, compared, pruned, refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from nodeseed.cli import app
from nodeseed.errors import OutputError, PublishError, Refused
from nodeseed.outputs.publish import Wishes, publish
from nodeseed.outputs.stores import Store, open_store
from tests.conftest import Workplace
from tests.nodes.changes import aws, put
from tests.outputs.aws import BUCKET, REGION, REMOTE, Cloud, Instance
from tests.outputs.test_transports import booted


class Broken:
    """A store whose connection breaks after some writes."""

    workers = 1

    def __init__(self, store: Store, left: int) -> None:
        self.store = store
        self.left = left
        self.names, self.read, self.remove = store.names, store.read, store.remove

    def create(self, name: str, part: bytes) -> bool:
        self.left -= 1
        if self.left < 0:
            raise PublishError("the network is gone")
        return self.store.create(name, part)


@pytest.mark.parametrize("name", REMOTE)
def test_a_second_run_uploads_nothing(workplace: Workplace, cloud: Cloud, name: str) -> None:
    cloud.render(workplace, name)
    first = cloud.publish(workplace)
    assert len(first.uploaded) == first.total >= 4
    again = cloud.publish(workplace, verify=True)
    assert (again.uploaded, again.stale, again.verified) == ([], [], first.total)


@pytest.mark.parametrize("name", REMOTE)
def test_a_run_that_broke_off_goes_on(
    workplace: Workplace, cloud: Cloud, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In between, a node finds its payload whole or not at all, and waits for it."""
    cloud.render(workplace, name)
    index = cloud.index(workplace)
    late = index["nodes"]["worker-1"]["names"]
    assert late == list(index["nodes"].values())[-1]["names"], "it is uploaded last"
    before = sum(len(node["names"]) for node in index["nodes"].values()) - len(late)
    half = len(late) // 2  # of several parts, some are there
    with pytest.raises(PublishError, match="the network is gone"):
        publish(index, workplace.out, Broken(cloud.store(index), before + half), Wishes())
    early = booted(workplace, "cp-1", cloud, monkeypatch)
    early.fetch()
    waiting = booted(workplace, "worker-1", cloud, monkeypatch)
    waiting.m.while_asleep = [lambda: done.append(cloud.publish(workplace))]
    done: list[Any] = []
    waiting.fetch()
    assert "not there: run nodeseed publish" in waiting.m.console[0]
    assert sorted(done[0].uploaded) == sorted(late[half:])


@pytest.mark.parametrize("name", REMOTE)
def test_two_operators_at_once_do_no_harm(workplace: Workplace, cloud: Cloud, name: str) -> None:
    cloud.render(workplace, name)
    index = cloud.index(workplace)
    store = cloud.store(index)

    class Behind(Broken):
        """Sees nothing of what the other one wrote."""

        def __init__(self) -> None:
            super().__init__(store, 10_000)
            self.names = lambda prefix: iter(())

    cloud.publish(workplace)
    report = publish(index, workplace.out, Behind(), Wishes())
    assert len(report.uploaded) == report.total


@pytest.mark.parametrize("name", REMOTE)
def test_nothing_is_written_over(
    workplace: Workplace, cloud: Cloud, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody else put under our name stays, is reported, and no node takes it."""
    cloud.render(workplace, name)
    index = cloud.index(workplace)
    victim = index["nodes"]["worker-1"]["names"][0]
    cloud.store(index).create(victim, b"evil")
    cloud.publish(workplace)
    with pytest.raises(PublishError, match=r"is not what was rendered: somebody else wrote it"):
        cloud.publish(workplace, verify=True)
    assert cloud.store(index).read(victim) == b"evil"
    machine = booted(workplace, "worker-1", cloud, monkeypatch)
    with pytest.raises(AssertionError, match=r"waits for ever: .*tampered with"):
        machine.fetch()


@pytest.mark.parametrize("name", REMOTE)
def test_old_revisions_stay_until_they_are_pruned(
    workplace: Workplace, cloud: Cloud, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.render(workplace, name)
    first = cloud.index(workplace)["nodes"]
    cloud.publish(workplace)
    old = (workplace.out / "cp-1/user-data.yaml").read_bytes()
    cloud.render(workplace, name, put("files", [{"path": "/etc/motd", "content": "New.\n"}]))
    second = cloud.publish(workplace)
    stale = sorted(part for node in first.values() for part in node["names"])
    assert second.stale == stale
    replaced = Instance(workplace.folder / "old", old, monkeypatch)
    replaced.fetch()  # a machine with the user-data of before can still be replaced
    report = cloud.publish(workplace, prune=True, dry_run=True)
    assert report.stale == stale
    assert cloud.publish(workplace, prune=True).stale == stale
    assert cloud.publish(workplace).stale == []
    newest = Instance(
        workplace.folder / "new", (workplace.out / "cp-1/user-data.yaml").read_bytes(), monkeypatch
    )
    newest.fetch()


def test_another_clusters_payloads_are_never_stale(workplace: Workplace, cloud: Cloud) -> None:
    cloud.render(workplace, "s3")
    cloud.client("s3").put_object(
        Bucket=BUCKET, Key=f"{cloud.prefix}/test-00000000/cp-1/1-x", Body=b""
    )
    cloud.publish(workplace)
    assert cloud.publish(workplace, prune=True).stale == []


@pytest.mark.parametrize("name", REMOTE)
def test_a_dry_run_writes_nothing(workplace: Workplace, cloud: Cloud, name: str) -> None:
    cloud.render(workplace, name)
    report = cloud.publish(workplace, dry_run=True, verify=True)
    assert len(report.uploaded) == report.total
    index = cloud.index(workplace)
    assert list(cloud.store(index).names(index["prefix"])) == []


def test_objects_are_encrypted_with_the_key_and_never_by_the_buckets(
    workplace: Workplace, cloud: Cloud
) -> None:
    cloud.render(workplace, "s3", kmsKey=cloud.key)
    cloud.publish(workplace)
    name = cloud.index(workplace)["nodes"]["cp-1"]["names"][0]
    head = cloud.client("s3").head_object(Bucket=BUCKET, Key=name)
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"] == cloud.key
    assert not head.get("BucketKeyEnabled")


def test_what_was_rendered_must_be_whole_and_ours(workplace: Workplace, cloud: Cloud) -> None:
    cloud.render(workplace, "s3")
    payload = workplace.out / "cp-1/payload"
    payload.write_bytes(payload.read_bytes() + b"x")
    with pytest.raises(OutputError, match=r"cp-1/payload: was changed; render once more"):
        cloud.publish(workplace)
    payload.unlink()
    with pytest.raises(OutputError, match=r"cp-1/payload: cannot be read: No such file"):
        cloud.publish(workplace)
    workplace.render()
    assert cloud.publish(workplace).uploaded
    workplace.write(aws, cloud.transport("s3", prefix="elsewhere"))
    with pytest.raises(OutputError, match="or the transport's keys changed since; render once"):
        cloud.publish(workplace)
    (workplace.out / "publish.json").write_text("{}")
    with pytest.raises(OutputError, match="cannot be read"):
        cloud.publish(workplace)
    (workplace.out / "publish.json").unlink()
    with pytest.raises(OutputError, match=r"publish.json: there is none; render once more"):
        cloud.publish(workplace)


SAID = {
    "AccessDenied": "give yourself publish-iam-policy.json",
    "NoSuchBucket": "make the bucket, or write the right one as transport.bucket",
    "ExpiredToken": "your AWS session has expired: log in again",
    "InvalidAccessKeyId": "AWS does not know your access key: log in again",
    "PermanentRedirect": "the bucket is in another region: write it as transport.region",
    "RequestTimeTooSkewed": "your clock is wrong: set it",
    "SignatureDoesNotMatch": "your secret access key is wrong: log in again",
    "SlowDown": "AWS asks for patience: wait a minute",
    "KMS.DisabledException": "the key of transport.kmsKey is disabled or not yours",
    "Strange": "see what AWS says",
}


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "s3", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stubber:
        yield client, stubber


@pytest.mark.parametrize("code", SAID)
def test_what_aws_says_gets_a_cure(
    workplace: Workplace, cloud: Cloud, stubbed: tuple[Any, Stubber], code: str
) -> None:
    cloud.render(workplace, "s3")
    client, stubber = stubbed
    stubber.add_client_error("list_objects_v2", code, "so it is")
    index = cloud.index(workplace)
    with pytest.raises(PublishError) as refused:
        publish(index, workplace.out, open_store(index["transport"], client), Wishes())
    said = str(refused.value)
    assert said.startswith(f"AWS says {code} to ListObjectsV2 (so it is): {SAID[code]}")
    assert said.endswith("What was uploaded stays; run the same command again")


def test_no_credentials_and_no_network(
    workplace: Workplace, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.render(workplace, "s3")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    index = cloud.index(workplace)
    client = boto3.client("s3", region_name=REGION)
    with pytest.raises(PublishError, match="Unable to locate credentials: check network, region"):
        publish(index, workplace.out, open_store(index["transport"], client), Wishes())


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "operator")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.usefixtures("operator")
def test_the_command(workplace: Workplace, cloud: Cloud) -> None:
    cloud.render(workplace, "s3")
    here = [str(workplace.state.spec), "--out", str(workplace.out)]

    def run(*more: str, answer: str = "") -> str:
        done = CliRunner().invoke(app, ["publish", *here, *more], input=answer)
        assert done.exit_code == 0, done.output
        return str(done.output)

    dry = run("--dry-run")
    assert dry.count(f"{cloud.prefix}/test-") == 4
    assert dry.endswith("Amazon S3: 4 of 4 parts would be uploaded.\n")
    assert run() == "Amazon S3: 4 of 4 parts uploaded.\n"
    assert run("--verify") == "Amazon S3: 0 of 4 parts uploaded, 4 read back and found right.\n"
    cloud.render(workplace, "s3", put("files", [{"path": "/etc/motd", "content": "New.\n"}]))
    said = run()
    assert said == (
        "Amazon S3: 4 of 4 parts uploaded, 4 of older renders stay (--prune removes them).\n"
    )
    assert run("--prune", answer="y\n").endswith("0 of 4 parts uploaded, 4 stale ones removed.\n")
    refused = CliRunner().invoke(app, ["publish", *here, "--prune"], input="n\n")
    assert refused.exit_code != 0


@pytest.mark.usefixtures("operator")
def test_where_nodes_delete_it_is_said_for_whom(workplace: Workplace, cloud: Cloud) -> None:
    cloud.render(workplace, "s3", put("transport.deleteAfterRead", True))
    here = [str(workplace.state.spec)]
    out = ["--out", str(workplace.out)]
    refused = CliRunner().invoke(app, ["publish", *here, *out])
    assert isinstance(refused.exception, Refused)
    assert "name the machines that are to boot" in str(refused.exception)
    unknown = CliRunner().invoke(app, ["publish", *here, "cp-9", *out])
    assert "there is no node cp-9; the nodes are cp-1, cp-2" in str(unknown.exception)
    one = CliRunner().invoke(app, ["publish", *here, "worker-1", *out])
    assert one.output == "Amazon S3: 1 of 1 parts uploaded.\n"
    rest = CliRunner().invoke(app, ["publish", *here, "--all", *out])
    assert rest.output == "Amazon S3: 3 of 4 parts uploaded.\n"
    for command in (["plan", *here], ["check", *here]):
        said = CliRunner().invoke(app, command).output
        assert "a machine that replaces another cannot boot until you publish its payload" in said
        assert "a bucket with versioning" in said


def test_inline_has_nothing_to_publish(workplace: Workplace) -> None:
    workplace.render()
    done = CliRunner().invoke(app, ["publish", str(workplace.state.spec)])
    assert done.exit_code == 0
    assert "nothing to publish" in done.output
