"""From publish to an installed node, through the real services of moto's server."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from nodeseed.errors import PayloadTooLarge
from nodeseed.outputs.publish import Wishes, parts_of, publish
from nodeseed.render.delivery import STUB_BYTES
from nodeseed.render.encode import ENCODINGS
from tests.conftest import Workplace
from tests.nodes.changes import aws, put
from tests.outputs.aws import REMOTE, Cloud, Instance

STUB_FILES = {
    "/etc/nodeseed/fetch.json",
    "/etc/systemd/system/nodeseed-fetch.service",
    "/etc/systemd/system/nodeseed.target",
    "/usr/local/lib/nodeseed/fetch.py",
}
NODES = ("cp-1", "worker-1")


def text(workplace: Workplace, node: str) -> bytes:
    return (workplace.out / node / "user-data.yaml").read_bytes()


def booted(workplace: Workplace, node: str, cloud: Cloud, monkeypatch: Any) -> Instance:
    """A machine with the role that its policy asks for."""
    made = Instance(workplace.folder / f"root-{node}", text(workplace, node), monkeypatch)
    policy = (workplace.out / node / "iam-policy.json").read_bytes()
    made.metadata.credentials = cloud.role(node, policy)
    return made


@pytest.mark.parametrize("kms", [False, True], ids=["own-key-of-the-service", "kms"])
@pytest.mark.parametrize("name", REMOTE)
def test_what_is_installed_is_what_inline_would_install(
    workplace: Workplace, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str, kms: bool
) -> None:
    workplace.write(aws)
    workplace.render()
    inline = {
        node: Instance(workplace.folder / f"inline-{node}", text(workplace, node), monkeypatch)
        for node in NODES
    }
    workplace.state.lock_path.unlink()
    workplace.write(aws, cloud.transport(name, **({"kmsKey": cloud.key} if kms else {})))
    workplace.render(first=True)
    done = cloud.publish(workplace)
    assert len(done.uploaded) == done.total
    for node in NODES:
        machine = booted(workplace, node, cloud, monkeypatch)
        with cloud.enforced():
            machine.fetch()
        machine.install()
        inline[node].install()
        there, wanted = machine.files, inline[node].files
        for own in STUB_FILES:
            there.pop(own[1:])
        wanted.pop("etc/systemd/system/nodeseed.target")  # it starts another unit
        assert there == wanted


def test_a_node_reads_nothing_but_its_own(
    workplace: Workplace, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.render(workplace, "s3")
    cloud.publish(workplace)
    machine = booted(workplace, "worker-1", cloud, monkeypatch)
    stub = machine.m.text("etc/nodeseed/fetch.json")
    nodes = cloud.index(workplace)["nodes"]
    swapped = stub.replace(nodes["worker-1"]["names"][0], nodes["cp-1"]["names"][0])
    assert swapped != stub
    machine.m.write("etc/nodeseed/fetch.json", swapped)
    with cloud.enforced(), pytest.raises(AssertionError, match=r"waits for ever: .*AccessDenied"):
        machine.fetch()
    assert not machine.m.path("var/lib/nodeseed").exists()


@pytest.mark.parametrize("name", REMOTE)
def test_the_operators_policy_is_enough_to_publish(
    workplace: Workplace, cloud: Cloud, name: str
) -> None:
    cloud.render(workplace, name)
    lent = cloud.role("operator", (workplace.out / "publish-iam-policy.json").read_bytes())
    index = cloud.index(workplace)
    store = cloud.store(
        index,
        aws_access_key_id=lent["AccessKeyId"],
        aws_secret_access_key=lent["SecretAccessKey"],
        aws_session_token=lent["Token"],
    )
    with cloud.enforced():
        done = publish(index, workplace.out, store, Wishes(verify=True, prune=True))
    assert (len(done.uploaded), done.verified) == (done.total, done.total)


@pytest.mark.parametrize("name", REMOTE)
def test_a_node_deletes_its_own_payload_and_can_be_published_again(
    workplace: Workplace, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    cloud.render(workplace, name, put("transport.deleteAfterRead", True))
    cloud.publish(workplace)
    index = cloud.index(workplace)
    store = cloud.store(index)
    machine = booted(workplace, "worker-1", cloud, monkeypatch)
    with cloud.enforced():
        machine.fetch()
        machine.install()
        machine.delete_payload()
    everything = {part for node in index["nodes"].values() for part in node["names"]}
    own = index["nodes"]["worker-1"]["names"]
    assert set(store.names(index["prefix"])) == everything - set(own)
    done = publish(index, workplace.out, store, Wishes(nodes=("worker-1",), prune=True))
    assert (done.uploaded, done.stale) == (own, [])
    replacement = Instance(workplace.folder / "new", text(workplace, "worker-1"), monkeypatch)
    replacement.metadata.credentials = machine.metadata.credentials
    replacement.fetch()


def test_a_node_without_the_right_to_delete_says_so(
    workplace: Workplace, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.render(workplace, "s3")
    policy = (workplace.out / "worker-1/iam-policy.json").read_bytes()
    cloud.render(workplace, "s3", put("transport.deleteAfterRead", True))
    cloud.publish(workplace)
    machine = Instance(workplace.folder / "root", text(workplace, "worker-1"), monkeypatch)
    machine.metadata.credentials = cloud.role("worker-1", policy)
    with cloud.enforced():
        machine.fetch()
        machine.install()
        with pytest.raises(AssertionError, match=r"waits for ever: its payload stays in the store"):
            machine.delete_payload()


def test_payloads_are_encrypted_before_they_leave_and_the_same_each_time(
    workplace: Workplace, cloud: Cloud
) -> None:
    cloud.render(workplace, "s3")
    plain = {node: (workplace.out / node / "payload").read_bytes() for node in NODES}
    revision = workplace.state.required_lock().nodes["cp-1"].nodeRevision
    operator, machine = (pyrage.x25519.Identity.generate() for _ in range(2))
    recipients = [str(identity.to_public()) for identity in (operator, machine)]
    age = put("transport.age", {"recipients": recipients})
    cloud.render(workplace, "s3", age)
    assert workplace.state.required_lock().nodes["cp-1"].nodeRevision > revision
    cloud.publish(workplace)
    index = cloud.index(workplace)
    for node in NODES:
        sealed = cloud.store(index).read(index["nodes"][node]["names"][0])
        assert sealed == (workplace.out / node / "payload").read_bytes()
        assert b"PRIVATE KEY" not in sealed
        for identity in (operator, machine):
            files = json.loads(gzip.decompress(pyrage.decrypt(sealed, [identity])))
            there = {path.split("/", 5)[-1]: content for path, _, content in files}
            wanted = {
                path.split("/", 5)[-1] for path, *_ in json.loads(gzip.decompress(plain[node]))
            }
            assert set(there) == wanted
        stub = yaml.safe_load(text(workplace, node))["write_files"]
        unit = next(file for file in stub if file["path"].endswith("nodeseed-fetch.service"))
        assert "/usr/local/lib/nodeseed/fetch.py fetch-age\n" in unit["content"]
        assert len(ENCODINGS["gzip"](text(workplace, node).decode())) <= STUB_BYTES
    before = workplace.files()
    assert workplace.render().written == 0
    assert workplace.files() == before


@pytest.mark.parametrize("name", REMOTE)
def test_a_wrong_signature_is_told_apart(
    workplace: Workplace, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """That moto checks signatures at all, so that the tests above mean something."""
    cloud.render(workplace, name)
    cloud.publish(workplace)
    machine = booted(workplace, "cp-1", cloud, monkeypatch)
    machine.metadata.credentials["SecretAccessKey"] = "another"
    with cloud.enforced(), pytest.raises(AssertionError, match=r"waits for ever: .*Signature"):
        machine.fetch()


@pytest.mark.parametrize("name", REMOTE)
def test_a_stub_is_small_and_holds_no_secret(workplace: Workplace, cloud: Cloud, name: str) -> None:
    keys = [f"ssh-ed25519 {base64.b64encode(bytes(range(k, k + 51))).decode()} k" for k in (1, 99)]
    cloud.render(workplace, name, put("ssh", {"authorizedKeys": keys}))
    for node in ("cp-1", "cp-2", "cp-3", "worker-1"):
        said = text(workplace, node).decode()
        files = re.findall(r"^- path: (.*)$", said, re.MULTILINE)
        assert set(files) == STUB_FILES
        assert "PRIVATE KEY" not in said
        assert "CERTIFICATE" not in said
        data = (workplace.out / node / "user-data").read_bytes()
        assert data == ENCODINGS["gzip"](said)
        assert len(data) <= STUB_BYTES


@pytest.mark.parametrize("name", REMOTE)
def test_same_input_same_bytes(workplace: Workplace, cloud: Cloud, name: str) -> None:
    cloud.render(workplace, name)
    before = workplace.files()
    assert workplace.render().written == 0
    assert workplace.files() == before


def test_other_keys_of_the_transport_change_every_node(workplace: Workplace, cloud: Cloud) -> None:
    cloud.render(workplace, "s3")
    workplace.write(aws, cloud.transport("s3", prefix="elsewhere"))
    assert workplace.render().changed == ["cp-1", "cp-2", "cp-3", "worker-1"]


def test_terraform_learns_where_payloads_go(workplace: Workplace, cloud: Cloud) -> None:
    cloud.render(workplace, "s3")
    said = json.loads((workplace.out / "terraform.tfvars.json").read_bytes())
    index = cloud.index(workplace)
    assert said["transport"]["bucket"] == "payloads"
    for node, entry in said["payloads"].items():
        assert entry["names"] == index["nodes"][node]["names"]
        assert (workplace.out / entry["file"]).exists()
        assert (workplace.out / entry["policy"]).exists()


def test_back_to_inline_leaves_no_payload_behind(workplace: Workplace, cloud: Cloud) -> None:
    cloud.render(workplace, "ssm")
    assert (workplace.out / "cp-1/payload").exists()
    workplace.write(aws)
    workplace.render()
    names = set(workplace.files())
    assert not [name for name in names if "payload" in name or "iam" in name or "publish" in name]


def test_a_payload_that_no_store_takes(workplace: Workplace, cloud: Cloud) -> None:
    noise = base64.b64encode(
        bytes((i * i * 7919 + i // 251) % 256 for i in range(200_000))
    ).decode()
    workplace.write(
        aws, cloud.transport("ssm"), put("files", [{"path": "/etc/noise", "content": noise}])
    )
    with pytest.raises(PayloadTooLarge, match=r"takes 98,304 \(16 parts of 6,144\); use"):
        workplace.render()
    assert not workplace.out.exists()


def test_a_stub_with_too_much_of_the_operators(workplace: Workplace, cloud: Cloud) -> None:
    keys = [f"ssh-rsa {hashlib.sha512(bytes([k])).hexdigest()} k" for k in range(9)]
    commands = [f"echo {hashlib.sha512(bytes([k])).hexdigest()}" for k in range(99, 102)]
    workplace.write(
        aws,
        cloud.transport("s3"),
        put("ssh", {"authorizedKeys": keys}),
        put("commands", commands),
        put("time", {"servers": ["ntp.example.com"]}),
    )
    with pytest.raises(PayloadTooLarge) as refused:
        workplace.render()
    first, *lines, last = str(refused.value).splitlines()
    assert re.fullmatch(
        r"the stub of cp-1 has 4,\d{3} bytes as gzip, 4,096 are the most; its parts, each packed "
        "by itself:",
        first,
    )
    assert [line.partition("bytes  ")[2] for line in lines][:4] == [
        "nodeseed itself, and where the payload is",
        "ssh.authorizedKeys",
        "commands",
        "time.servers",
    ]
    assert last.startswith("What is the operator's own stays in user-data: put less there")
    assert not workplace.out.exists()


def test_parts_are_no_larger_than_the_service_takes(workplace: Workplace, cloud: Cloud) -> None:
    cloud.render(workplace, "ssm")
    parts = parts_of(cloud.index(workplace), workplace.out)
    assert len(parts) > 4, "a control plane needs more than one parameter"
    assert max(len(base64.b64encode(part.content)) for part in parts) <= 8_192
    assert Path(workplace.out / "cp-1/payload").stat().st_mode & 0o777 == 0o600
