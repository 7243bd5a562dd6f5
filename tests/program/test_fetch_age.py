"""A payload that is encrypted: the step waits for program and identity, and says so."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeseed.render.program import program
from nodeseed_node import fetch as step
from nodeseed_node.fetch import STUB
from nodeseed_node.fetch_age import fetch_age
from tests.program.machines import FakeMachine
from tests.program.metadata import Answer, Metadata, served
from tests.program.test_fetch import FILES, INSTALL, PAYLOAD, STAGING

IDENTITY = "etc/nodeseed/age.key"
SEALED = b"age-encryption.org/v1 " + PAYLOAD


class Place:
    """A machine; ``said``: why age does not open what it got."""

    def __init__(self, root: Path) -> None:
        self.m = FakeMachine(root, "fetch-age", self.answer)
        self.said, self.asked = "", 0

    def handle(self, *_: object) -> Answer:
        self.asked += 1
        return 200, {}, SEALED

    def answer(self, command: tuple[str, ...], _: str) -> tuple[int, str]:
        if command[:2] == ("sh", "-c"):
            identity, opened, sealed = command[3:]
            assert identity == str(self.m.path(IDENTITY))
            assert Path(sealed).read_bytes() == SEALED
            assert Path(sealed).stat().st_mode & 0o777 == 0o600
            if self.said:
                return 1, self.said
            Path(opened).write_bytes(PAYLOAD)
        return 0, ""

    @property
    def lines(self) -> list[str]:
        return [line.removeprefix("nodeseed cp-1: fetch-age: ") for line in self.m.console]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place(tmp_path)
    place.m.configure()
    with served(Metadata().handle) as imds, served(place.handle) as store:
        monkeypatch.setattr(step, "METADATA", f"{imds}/latest/")
        stub = {
            "who": ["c0ffee", "cp-1"],
            "revision": 3,
            "staging": STAGING,
            "sha256": hashlib.sha256(SEALED).hexdigest(),
            "service": "s3",
            "region": "eu-central-1",
            "url": f"{store}/x",
            "headers": {},
            "requests": [None],
            "answer": [],
            "identity": f"/{IDENTITY}",
        }
        place.m.write(STUB, json.dumps(stub))
        yield place


def test_it_opens_what_it_fetched_and_leaves_nothing_behind(place: Place) -> None:
    assert fetch_age(place.m) == 0
    for path, _, content in FILES:
        assert place.m.text(path) == content
    assert place.lines == ["revision 3 is here"]
    assert place.m.commands[-1] == INSTALL
    assert [path.name for path in place.m.path("run/nodeseed").glob("*payload*")] == []


def test_it_waits_for_program_and_identity_in_age_s_own_words(place: Place) -> None:
    lines = ["sh: 1: exec: age: not found", "age: error: no identity matched any of the recipients"]
    place.said = lines[0]
    place.m.while_asleep = [
        lambda: setattr(place, "said", lines[1]),
        lambda: setattr(place, "said", ""),
    ]
    assert fetch_age(place.m) == 0
    assert place.lines == [
        *(f"cannot open the payload: {line}" for line in lines),
        "revision 3 is here",
    ]
    assert place.asked == 1, "what came is kept meanwhile"
    assert not place.m.path("run/nodeseed/payload.age").exists()


def test_what_is_in_place_needs_no_identity(place: Place) -> None:
    """A machine that runs starts again without it."""
    record = {"who": ["c0ffee", "cp-1"], "revision": 3, "files": []}
    place.m.write("var/lib/nodeseed/installed.json", json.dumps(record))
    place.said = "age is not asked"
    assert fetch_age(place.m) == 0
    assert place.asked == 0
    assert INSTALL in place.m.commands


def test_the_shipped_program_is_small() -> None:
    text = program(frozenset({"fetch-age"}))
    ast.parse(text, feature_version=(3, 9))
    assert len(gzip.compress(text.encode(), 9, mtime=0)) <= 3_380
