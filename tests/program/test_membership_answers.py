"""What machines make of their peers' answers, as a real etcd 3.7 gave them, and what they answer.

etcd-3.7.json holds, for each situation of m1 (or of m3, the learner), what it said to every
question: URL, status and text. A question without answer is not in it.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeseed_node import etcd as etcd_step
from nodeseed_node import member
from nodeseed_node.answer import STATE, serve
from nodeseed_node.etcd import ENVIRONMENT, etcd, survey
from nodeseed_node.https import https
from nodeseed_node.membership import Quorum
from nodeseed_node.promote import promote
from nodeseed_node.static_pod import MANIFEST, static_pod
from tests.program.etcd_authority import Authority
from tests.program.machines import FakeMachine

RECORDED = json.loads(Path(__file__).with_name("etcd-3.7.json").read_text("utf-8"))
URLS = {name: f"https://127.0.1.{name[1:]}:2380" for name in ("m1", "m2", "m3")}
TOKEN = "token-of-the-test"


class Peers:
    """Everybody else: what was recorded, and what was asked of them that changes something."""

    def __init__(self, situation: str) -> None:
        self.said: dict[str, Any] = dict(RECORDED[situation])
        self.changes: list[tuple[str, Any]] = []
        self.newer = False

    def __call__(self, m: Any, url: str, ca: str, pair: str, body: Any = None) -> Any:
        assert (ca, pair) == ("etcd/", "etcd/peer")
        path = url.partition("/v3/")[2]
        if path == "kv/txn":
            return 200, json.dumps({"succeeded": True} if self.newer else {})
        if path in ("cluster/member/add", "cluster/member/remove", "cluster/member/promote"):
            self.changes.append((path.rpartition("/")[2], body))
            return 200, "{}"
        if url not in self.said:
            raise OSError("timed out")
        status, text = self.said[url]
        return status, text


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Peers]:
    def speak(situation: str) -> Peers:
        made = Peers(situation)
        for module in (etcd_step, member):
            monkeypatch.setattr(module, "https", made)
        return made

    return speak


def machine(root: Path, name: str, token: str = TOKEN, **etcd: Any) -> FakeMachine:
    m = FakeMachine(root, "etcd")
    told = {"members": URLS, "membershipRevision": 1, "until": "2999-01-01T00:00:00Z", **etcd}
    m.configure(node=name, etcd={"token": token, **told})
    return m


@pytest.mark.parametrize(
    ("situation", "token", "url", "answer"),
    [
        ("unstarted", TOKEN, "m1", "empty"),
        ("unstarted", "of another render", "m1", "other"),
        ("without-quorum", TOKEN, "m1", "formed"),
        ("without-quorum", "of another render", "m1", "formed"),
        ("asking-the-learner", TOKEN, "m3", "formed"),
        ("unstarted", TOKEN, "m3", "silent"),
    ],
)
def test_what_a_peer_without_quorum_is(
    tmp_path: Path, peers: Any, situation: str, token: str, url: str, answer: str
) -> None:
    peers(situation)
    assert survey(machine(tmp_path, "m2", token), None, {})[1][URLS[url]] == answer


def test_a_quorum_tells_its_members_and_the_revision_that_it_remembers(
    tmp_path: Path, peers: Any
) -> None:
    peers("healthy")
    decision, answers = survey(machine(tmp_path, "m2"), None, {})
    found = answers[URLS["m1"]]
    assert isinstance(found, Quorum)
    assert found.revision == 1
    assert [row["name"] for row in found.members] == ["m3", "m2", "m1"]
    assert decision.sentence == "replacing the old m2 endangers the quorum: 1 of 2 others up"
    old = survey(machine(tmp_path, "m2", membershipRevision=0), None, {})[0]
    assert old.sentence == "the members have revision 1: boot with newer user-data"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("silent", "silent"),
        ("empty", "silent"),
        ("other", "silent"),
        ("formed", "gone"),
        ("gone", "gone"),
        (Quorum([], 0), "gone"),
    ],
)
def test_who_had_data_is_not_forgotten_when_silent(
    tmp_path: Path, peers: Any, before: Any, now: str
) -> None:
    peers("unstarted")
    assert survey(machine(tmp_path, "m2"), None, {URLS["m3"]: before})[1][URLS["m3"]] == now


def test_who_is_named_by_a_quorum_alone_is_asked_before_anything_is_decided(
    tmp_path: Path, peers: Any
) -> None:
    """m3 is to move here, but still runs there; only the quorum's list tells where that is."""
    spoken = peers("healthy")
    spoken.said |= {
        url.replace("127.0.1.1", f"127.0.1.{i}"): said
        for url, said in RECORDED["healthy"].items()
        for i in (2, 3)
    }
    moved = machine(tmp_path, "m3", members={**URLS, "m3": "https://127.0.1.9:2380"})
    decision, answers = survey(moved, None, {})
    assert decision.sentence == "another m3 is up: https://127.0.1.3:2380"
    for url in [url for url in spoken.said if "127.0.1.3" in url]:
        del spoken.said[url]
    decision, answers = survey(moved, None, answers)
    assert answers["https://127.0.1.3:2380"] == "gone"
    assert decision.action == "remove"


@pytest.fixture
def member_machine(tmp_path: Path) -> FakeMachine:
    """m3, with certificates for its own address."""
    m = machine(tmp_path, "m3")
    Authority().place(m.path("etc/kubernetes/pki/etcd"), "127.0.1.3")
    return m


def test_a_place_that_is_kept_is_taken_and_promotion_asked_for(
    member_machine: FakeMachine, peers: Any
) -> None:
    spoken = peers("pending")
    assert etcd(member_machine) == 0
    first, rest = member_machine.text(ENVIRONMENT).split("=", 1)
    assert first == "ETCD_INITIAL_CLUSTER"
    assert sorted(pair.split("=")[1] for pair in rest.strip().split(",")) == [*URLS.values()]
    assert "m3=https://127.0.1.3:2380" in rest
    assert (
        "systemctl",
        "--no-block",
        "restart",
        "nodeseed-etcd-promote",
    ) in member_machine.commands
    assert spoken.changes == []


def test_a_wiped_member_is_removed_added_and_joins(member_machine: FakeMachine, peers: Any) -> None:
    spoken = peers("healthy")

    def both(situation: str) -> None:
        """m2 says the same as m1."""
        for url, answer in RECORDED[situation].items():
            for i in (1, 2):
                spoken.said[url.replace("127.0.1.1", f"127.0.1.{i}")] = answer

    def removed() -> None:
        for url, (status, text) in spoken.said.items():
            if "member/list" in url:
                told = json.loads(text)
                del told["members"][0]
                spoken.said[url] = (status, json.dumps(told))

    both("healthy")
    member_machine.while_asleep = [removed, lambda: both("pending")]
    assert etcd(member_machine) == 0
    assert spoken.changes == [
        ("remove", {"ID": "11830634780097473781"}),
        ("add", {"peerURLs": ["https://127.0.1.3:2380"], "isLearner": True}),
    ]
    said = [line.partition("etcd: ")[2] for line in member_machine.console]
    assert said == ["replacing the old m3", "joining"]


def test_nothing_is_changed_if_the_cluster_learned_of_a_newer_list_just_now(
    member_machine: FakeMachine, peers: Any
) -> None:
    spoken = peers("healthy")
    for url in [*spoken.said]:
        spoken.said[url.replace("127.0.1.1", "127.0.1.2")] = spoken.said[url]
    spoken.newer = True

    def stop() -> None:
        raise KeyboardInterrupt

    member_machine.while_asleep = [stop]
    with pytest.raises(KeyboardInterrupt):
        etcd(member_machine)
    assert spoken.changes == []


def test_while_somebody_else_has_the_port_nothing_is_decided(
    member_machine: FakeMachine, peers: Any
) -> None:
    spoken = peers("pending")
    with (
        socket.create_server(("127.0.1.3", 2380)),
        pytest.raises(OSError, match="Address already in use"),
    ):
        etcd(member_machine)
    assert not spoken.changes
    assert not member_machine.text(ENVIRONMENT)


def test_a_learner_is_promoted_and_nobody_else(tmp_path: Path, peers: Any) -> None:
    spoken = peers("learner")
    row = json.loads(spoken.said["https://127.0.1.1:2379/v3/cluster/member/list"][1])["members"][0]
    assert promote(machine(tmp_path, "m3")) == 0
    assert spoken.changes == [("promote", {"ID": row["ID"]})]
    assert promote(machine(tmp_path, "m1")) == 0
    assert len(spoken.changes) == 1


def test_promotion_waits_until_etcd_has_joined(tmp_path: Path, peers: Any) -> None:
    peers("pending")
    m = machine(tmp_path, "m3")
    m.while_asleep = [lambda: peers("learner") and None]
    assert promote(m) == 0
    assert "waiting for this node's etcd to join" in m.console[0]


def test_a_static_pod_gets_what_was_decided_as_later_flags(
    member_machine: FakeMachine, peers: Any
) -> None:
    peers("unstarted")
    member_machine.write(
        "etc/nodeseed/etcd.yaml", "    - --initial-cluster-state=existing\n    resources: {}\n"
    )

    def overtaken() -> None:
        """Before etcd has a log, the others form a cluster that keeps a place for us."""
        assert member_machine.text(MANIFEST) == (
            "    - --initial-cluster-state=existing\n"
            "    - --initial-cluster-state=new\n    resources: {}\n"
        )
        peers("pending")

    def stop() -> None:
        assert "--initial-cluster=" in member_machine.text(MANIFEST)
        raise KeyboardInterrupt

    member_machine.while_asleep = [overtaken, stop]
    with pytest.raises(KeyboardInterrupt):
        static_pod(member_machine)


class TestAnswering:
    """What a waiting machine serves on etcd's peer port."""

    @pytest.fixture(params=["127.0.0.1", "::1"])
    def url(self, tmp_path: Path, request: Any) -> Iterator[tuple[FakeMachine, str]]:
        m = FakeMachine(tmp_path)
        Authority().place(m.path("etc/kubernetes/pki/etcd"), request.param)
        host = f"[{request.param}]" if ":" in request.param else request.param
        with socket.create_server(
            (request.param, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ) as free:
            port = free.getsockname()[1]
        server = serve(m, f"https://{host}:{port}", {"state": "empty", "token": "t"})
        yield m, f"https://{host}:{port}"
        server.shutdown()
        server.server_close()

    def test_state_for_members_and_nothing_of_etcds(self, url: tuple[FakeMachine, str]) -> None:
        m, at = url
        status, text = https(m, at + STATE, "etcd/", "etcd/peer")
        assert (status, json.loads(text)) == (200, {"state": "empty", "token": "t"})
        assert https(m, f"{at}/members", "etcd/", "etcd/peer")[0] == 404

    def test_strangers_get_nothing_and_hold_up_nobody(self, url: tuple[FakeMachine, str]) -> None:
        m, at = url
        host, _, port = at.removeprefix("https://").rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))):
            assert https(m, at + STATE, "etcd/", "etcd/peer")[0] == 200
            with pytest.raises((ssl.SSLError, OSError)):
                https(m, at + STATE, "etcd/")
