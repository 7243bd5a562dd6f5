"""The fetch step: what it says while it waits, what it refuses, what it leaves alone."""

from __future__ import annotations

import ast
import base64
import gzip
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from nodeseed.render.program import program
from nodeseed_node import fetch as step
from nodeseed_node.fetch import STUB, fetch
from tests.program.machines import MONDAY, FakeMachine
from tests.program.metadata import Answer, Metadata, served
from tests.program.test_install import CutMachine, PowerCut

STAGING = "var/lib/nodeseed/incoming/c0ffee-3"
FILES = [
    ["usr/local/lib/nodeseed/node.py", "0755", "import sys\n"],
    [f"{STAGING}/etc/kubernetes/pki/ca.key", "0600", "KEY\n"],
    [f"{STAGING}/etc/nodeseed/config.json", "0600", "{}\n"],
]
PAYLOAD = gzip.compress(json.dumps(FILES).encode(), mtime=0)
INSTALL = ("systemctl", "start", "nodeseed-install.service")
GOOD: Answer = (200, {}, PAYLOAD)


def xml(code: int, name: str, text: str = "", **headers: str) -> Answer:
    """An error as S3 words it."""
    body = f"<?xml version='1.0'?><Error><Code>{name}</Code><Message>{text}</Message></Error>"
    return code, headers, body.encode()


def refusal(name: str, text: str = "", code: int = 400) -> Answer:
    """An error as services with JSON word it."""
    kind = f"com.amazonaws.ssm#{name}" if name[0] == "P" else name
    return code, {}, json.dumps({"__type": kind, "message": text}).encode()


class Place:
    """A machine, its metadata service, and a store with a list of answers; the last one stays."""

    def __init__(self, m: FakeMachine, metadata: Metadata) -> None:
        self.m = m
        self.metadata = metadata
        self.answers: list[Answer] = [GOOD]
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.asked.append((method, path, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def stub(self, **changes: Any) -> None:
        self.m.write(STUB, json.dumps({**json.loads(self.m.text(STUB)), **changes}))

    @property
    def lines(self) -> list[str]:
        """What the console shows, without whose line it is and where it asked."""
        url = json.loads(self.m.text(STUB))["url"]
        return [
            line.removeprefix("nodeseed cp-1: fetch: ").removeprefix(f"{url}: ")
            for line in self.m.console
        ]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place(FakeMachine(tmp_path, "fetch"), Metadata())
    with served(place.metadata.handle) as imds, served(place.handle) as store:
        monkeypatch.setattr(step, "METADATA", f"{imds}/latest/")
        stub = {
            "who": ["c0ffee", "cp-1"],
            "revision": 3,
            "staging": STAGING,
            "sha256": hashlib.sha256(PAYLOAD).hexdigest(),
            "service": "s3",
            "region": "eu-central-1",
            "url": f"{store}/bucket/nodeseed/prod/cp-1/3-abc",
            "headers": {},
            "requests": [None],
            "answer": [],
        }
        place.m.write(STUB, json.dumps(stub))
        yield place


def test_it_writes_what_it_fetched_and_has_it_installed(place: Place) -> None:
    assert fetch(place.m) == 0
    for path, mode, content in FILES:
        assert place.m.text(path) == content
        assert place.m.path(path).stat().st_mode & 0o7777 == int(mode, 8)
    assert place.m.commands == [("systemctl", "daemon-reload"), INSTALL]
    assert place.lines == ["revision 3 is here"]
    method, path, headers, body = place.asked[0]
    assert (method, path, body) == ("GET", "/bucket/nodeseed/prod/cp-1/3-abc", b"")
    assert headers["x-amz-security-token"] == "very-secret-token"
    assert "very-secret-key" not in str(place.asked)


def test_the_shipped_program_does_the_same(place: Place) -> None:
    text = program(frozenset({"fetch"}))
    ast.parse(text, feature_version=(3, 9))
    assert len(gzip.compress(text.encode(), 9, mtime=0)) <= 3_170
    root, imds = place.m.root, step.METADATA.removesuffix("/latest/")
    text = text.removesuffix("))\n") + f',"{root}"))\n'
    text = text.replace("http://169.254.169.254", imds)
    file = root.parent / "fetch.py"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", str(file), "fetch"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": ""},
    )
    assert done.stdout == "nodeseed cp-1: fetch: revision 3 is here\n"
    assert done.stderr == ""
    assert done.returncode, "there is no systemctl, so the unit will try again"
    for path, mode, content in FILES:
        assert place.m.text(path) == content
        assert place.m.path(path).stat().st_mode & 0o7777 == int(mode, 8)


def test_a_power_cut_at_any_write_is_made_good_at_the_next_boot(place: Place) -> None:
    for left in range(len(FILES) + 1):
        with pytest.raises(PowerCut):
            fetch(CutMachine(place.m.root, left, torn=True))
        assert not place.m.load("var/lib/nodeseed/installed.json")
    assert fetch(place.m) == 0
    for path, _, content in FILES:
        assert place.m.text(path) == content


def test_parts_are_asked_for_one_by_one(place: Place) -> None:
    halves = PAYLOAD[:50], PAYLOAD[50:]
    place.answers = [
        (200, {}, json.dumps({"Parameter": {"Value": base64.b64encode(half).decode()}}).encode())
        for half in halves
    ]
    requests = [{"Name": f"/x.{number}", "WithDecryption": True} for number in (1, 2)]
    place.stub(
        headers={"x-amz-target": "AmazonSSM.GetParameter"},
        requests=requests,
        answer=["Parameter", "Value"],
        service="ssm",
    )
    assert fetch(place.m) == 0
    assert place.m.text(FILES[1][0]) == "KEY\n"
    assert [json.loads(body) for _, _, _, body in place.asked] == requests
    assert {method for method, *_ in place.asked} == {"POST"}
    assert {h["x-amz-target"] for _, _, h, _ in place.asked} == {"AmazonSSM.GetParameter"}


DENIED = "denied, or not there: give the role iam-policy.json, run nodeseed publish"
NOT_OURS = hashlib.sha256(b"something else").hexdigest()
EARLY = formatdate(MONDAY - 1200, usegmt=True)
SAID = {
    "denied": (
        xml(403, "AccessDenied", "Access Denied"),
        f"{DENIED} (403 AccessDenied Access Denied)",
    ),
    "denied by a service with JSON": (
        refusal("AccessDeniedException", "User: x is not authorized"),
        f"{DENIED} (400 AccessDeniedException User: x is not authorized)",
    ),
    "no object": (xml(404, "NoSuchKey"), "not there: run nodeseed publish (404 NoSuchKey)"),
    "no bucket": (xml(404, "NoSuchBucket"), "not there: run nodeseed publish (404 NoSuchBucket)"),
    "no secret": (
        refusal("ResourceNotFoundException"),
        "not there: run nodeseed publish (400 ResourceNotFoundException)",
    ),
    "no parameter": (
        refusal("ParameterNotFound"),
        "not there: run nodeseed publish (400 com.amazonaws.ssm#ParameterNotFound)",
    ),
    "throttled": (xml(503, "SlowDown"), "throttled (503 SlowDown)"),
    "throttled by a service with JSON": (
        refusal("ThrottlingException", "Rate exceeded"),
        "throttled (400 ThrottlingException Rate exceeded)",
    ),
    "broken": ((500, {}, b""), "throttled (500)"),
    "clock ahead": (
        xml(403, "RequestTimeTooSkewed", "The difference is too large.", Date=EARLY),
        "the clock is +1200 s off AWS's (403 RequestTimeTooSkewed The difference is too large.)",
    ),
    "clock ahead, of a service with JSON": (
        (
            400,
            {"Date": EARLY},
            b'{"__type":"InvalidSignatureException","message":"Signature not yet current"}',
        ),
        "the clock is +1200 s off AWS's (400 InvalidSignatureException Signature not yet current)",
    ),
    "wrong region": (
        xml(301, "PermanentRedirect"),
        "wrong region (301 PermanentRedirect)",
    ),
    "expired credentials": (
        xml(400, "ExpiredToken", "The provided token has expired."),
        "refused (400 ExpiredToken The provided token has expired.)",
    ),
    "tampered with": (
        (200, {}, b"something else"),
        f"tampered with: its SHA-256 is {NOT_OURS}, not {hashlib.sha256(PAYLOAD).hexdigest()}",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_it_says_why_not_and_tries_again(place: Place, case: str) -> None:
    answer, said = SAID[case]
    place.answers = [answer, GOOD]
    assert fetch(place.m) == 0
    assert place.lines == [said, "revision 3 is here"]
    assert place.metadata.sessions == 2, "credentials are asked for anew"


def test_it_says_the_same_once(place: Place) -> None:
    place.answers = [xml(404, "NoSuchKey")] * 5 + [GOOD]
    assert fetch(place.m) == 0
    assert place.lines == ["not there: run nodeseed publish (404 NoSuchKey)", "revision 3 is here"]


def test_nothing_of_a_tampered_payload_is_written(place: Place) -> None:
    place.answers = [(200, {}, gzip.compress(json.dumps([["etc/evil", "0755", "x"]]).encode()))]
    place.m.while_asleep = [lambda: place.answers.__setitem__(0, GOOD)]
    fetch(place.m)
    assert not place.m.path("etc/evil").exists()


def test_no_role(place: Place) -> None:
    place.metadata.role = ""
    place.m.while_asleep = [lambda: setattr(place.metadata, "role", "cp-1")]
    assert fetch(place.m) == 0
    assert place.lines[0] == "no role: attach an instance profile to this instance"


def test_no_credentials_for_the_role(place: Place) -> None:
    place.metadata.credentials["Code"] = "AssumeRoleUnauthorizedAccess"
    place.m.while_asleep = [lambda: place.metadata.credentials.update(Code="Success")]
    assert fetch(place.m) == 0
    assert place.lines[0] == "no credentials for its role: AssumeRoleUnauthorizedAccess"


def test_no_metadata_service(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    right = step.METADATA
    place.metadata.off = True
    monkeypatch.setattr(step, "METADATA", "http://127.0.0.1:9/latest/")

    def back() -> None:
        monkeypatch.setattr(step, "METADATA", right)

    place.m.while_asleep = [back, lambda: setattr(place.metadata, "off", False)]
    assert fetch(place.m) == 0
    assert place.lines[:2] == [
        "metadata service: ConnectionRefusedError(111, 'Connection refused')",
        "metadata service: 403 for its role",
    ]


def test_a_store_that_is_away(place: Place) -> None:
    right = json.loads(place.m.text(STUB))["url"]
    place.stub(url="http://127.0.0.1:9/x")
    place.m.while_asleep = [lambda: place.stub(url=right)]
    # the stub is read once, as cloud-init left it
    with pytest.raises(AssertionError, match="Connection refused"):
        fetch(place.m)


def test_it_waits_longer_each_time_up_to_a_minute(place: Place) -> None:
    pauses: list[float] = []
    before = [0.0]

    def note() -> None:
        pauses.append(place.m.slept - before[0])
        before[0] = place.m.slept

    place.answers = [xml(503, "SlowDown")] * 9 + [GOOD]
    place.m.while_asleep = [note] * 9
    assert fetch(place.m) == 0
    for pause, least in zip(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60], strict=True):
        assert least <= pause <= least + 1


def installed(place: Place, who: list[str], revision: int) -> None:
    record = {"who": who, "revision": revision, "files": []}
    place.m.write("var/lib/nodeseed/installed.json", json.dumps(record))


@pytest.mark.parametrize("revision", [3, 4])
def test_what_is_in_place_is_not_fetched(place: Place, revision: int) -> None:
    installed(place, ["c0ffee", "cp-1"], revision)
    assert fetch(place.m) == 0
    assert place.asked == []
    assert place.metadata.sessions == 0, "a reboot needs no network"
    assert INSTALL in place.m.commands


def test_what_is_in_place_runs_while_a_newer_one_cannot_be_fetched(place: Place) -> None:
    installed(place, ["c0ffee", "cp-1"], 2)
    place.answers = [xml(403, "AccessDenied"), GOOD]
    seen: list[list[tuple[str, ...]]] = []
    place.m.while_asleep = [lambda: seen.append(list(place.m.commands))]
    assert fetch(place.m) == 0
    assert seen == [[INSTALL]]
    assert place.m.commands == [INSTALL, ("systemctl", "daemon-reload"), INSTALL]


@pytest.mark.parametrize("who", [["c0ffee", "cp-2"], ["beef", "cp-1"]])
def test_another_machines_user_data_is_refused(place: Place, who: list[str]) -> None:
    installed(place, who, 1)
    assert fetch(place.m) == 0
    assert place.asked == []
    assert place.lines == ["refused user-data that was made for another machine, cp-1"]


def test_a_tree_of_before_leaves_nothing_behind(place: Place) -> None:
    place.m.write(f"{STAGING}/etc/left-behind", "x")
    assert fetch(place.m) == 0
    assert not place.m.path(f"{STAGING}/etc/left-behind").exists()


def test_the_console_knows_the_node_before_its_configuration_came(place: Place) -> None:
    fetch(place.m)
    assert place.m.console == ["nodeseed cp-1: fetch: revision 3 is here"]


def test_a_configuration_that_is_there_stays(place: Place) -> None:
    place.m.configure(node="cp-1", revision=2)
    fetch(place.m)
    assert place.m.config["revision"] == 2
