"""A payload is deleted once it is installed: not before, not twice, and for as long as it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeseed_node import fetch as step
from nodeseed_node.delete_payload import DELETED, delete_payload
from nodeseed_node.fetch import STUB
from nodeseed_node.install import RECORD
from tests.program.machines import FakeMachine
from tests.program.metadata import Answer, Metadata, served
from tests.program.test_fetch import refusal, xml

GONE: Answer = (204, {}, b"")


class Place:
    """A machine, its metadata service, and a store with a list of answers; the last one stays."""

    def __init__(self, root: Path) -> None:
        self.m = FakeMachine(root, "delete-payload")
        self.m.configure()
        self.metadata = Metadata()
        self.answers: list[Answer] = [GONE]
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.asked.append((method, path, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def stub(self, **changes: Any) -> None:
        self.m.write(STUB, json.dumps({**self.m.load(STUB), **changes}))

    def installed(self, revision: int) -> None:
        record = {"who": ["c0ffee", "cp-1"], "revision": revision, "files": []}
        self.m.write(RECORD, json.dumps(record))

    @property
    def lines(self) -> list[str]:
        start = "nodeseed cp-1: delete-payload: "
        return [line.removeprefix(start) for line in self.m.console]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place(tmp_path)
    with served(place.metadata.handle) as imds, served(place.handle) as store:
        monkeypatch.setattr(step, "METADATA", f"{imds}/latest/")
        place.stub(
            revision=3,
            sha256="ab" * 32,
            service="s3",
            region="eu-central-1",
            url=f"{store}/bucket/cp-1/3-abab",
            headers={},
            requests=[None],
            answer=[],
            delete={"headers": {}, "requests": [None]},
        )
        place.installed(3)
        yield place


DONE = "its payload is deleted from the store"
STAYS = "its payload stays in the store: "


def test_an_object_goes(place: Place) -> None:
    assert delete_payload(place.m) == 0
    method, path, headers, body = place.asked[0]
    assert (method, path, body) == ("DELETE", "/bucket/cp-1/3-abab", b"")
    assert headers["x-amz-security-token"] == "very-secret-token"
    assert place.lines == [DONE]


def test_each_part_of_a_service_with_json_goes(place: Place) -> None:
    requests = [{"Name": "/x.1"}, {"Name": "/x.2"}]
    place.stub(
        headers={"x-amz-target": "AmazonSSM.GetParameter"},
        answer=["Parameter", "Value"],
        delete={"headers": {"x-amz-target": "AmazonSSM.DeleteParameter"}, "requests": requests},
    )
    place.answers = [(200, {}, b"{}"), refusal("ParameterNotFound")]
    assert delete_payload(place.m) == 0
    assert [json.loads(body) for _, _, _, body in place.asked] == requests
    assert {h["x-amz-target"] for _, _, h, _ in place.asked} == {"AmazonSSM.DeleteParameter"}
    assert {method for method, *_ in place.asked} == {"POST"}
    assert place.lines == [DONE], "one that is gone already is no failure"


def test_it_is_done_once_and_a_reboot_needs_no_network(place: Place) -> None:
    delete_payload(place.m)
    delete_payload(place.m)
    assert len(place.asked) == 1
    assert place.metadata.sessions == 1


def test_the_payload_of_a_newer_stub_goes_too(place: Place) -> None:
    delete_payload(place.m)
    place.stub(revision=4, sha256="cd" * 32)
    place.installed(4)
    delete_payload(place.m)
    assert len(place.asked) == 2


def test_what_is_not_installed_stays(place: Place) -> None:
    place.installed(2)
    place.m.while_asleep = [lambda: place.installed(3)]
    assert delete_payload(place.m) == 0
    assert place.lines == [f"{STAYS}revision 3 is not installed", DONE]
    assert len(place.asked) == 1


def test_denied_is_said_and_tried_again(place: Place) -> None:
    place.answers = [xml(403, "AccessDenied"), GONE]
    assert delete_payload(place.m) == 0
    assert place.lines[0].startswith(f"{STAYS}denied, or not there: give the role iam-policy.json")
    assert place.lines[1:] == [DONE]
    assert place.m.text(DELETED) == "ab" * 32


def test_no_role_and_no_metadata_service(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    right = step.METADATA
    place.metadata.role = ""
    monkeypatch.setattr(step, "METADATA", "http://127.0.0.1:9/latest/")
    place.m.while_asleep = [
        lambda: monkeypatch.setattr(step, "METADATA", right),
        lambda: setattr(place.metadata, "role", "cp-1"),
    ]
    assert delete_payload(place.m) == 0
    assert place.lines == [
        f"{STAYS}metadata service: ConnectionRefusedError(111, 'Connection refused')",
        f"{STAYS}no role: attach an instance profile to this instance",
        DONE,
    ]
