"""The membership decision, over every combination of what three members can see and say."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from nodeseed_node.membership import Answer, Decision, Quorum, decide

URL = {name: f"https://10.0.0.{i}:2380" for i, name in enumerate(("m1", "m2", "m3"), 1)}
OLD_URL = "https://10.0.9.9:2380"
ANSWERS = ("silent", "empty", "other", "formed", "gone", "healthy")
OLD_ANSWERS = ("unasked", "silent", "gone", "empty", "other", "formed", "healthy")
LISTINGS = ("started", "learner", "named", "pending", "absent", "elsewhere")
OUR_ID = "1"
REVISION = 5


class Case(NamedTuple):
    """Everything that the decision for m1 can depend on; "healthy" stands for a quorum."""

    disk: str | None
    m2: str
    m3: str
    listing: str
    old_url: str
    recorded: int
    clock: bool
    window: bool

    @property
    def healthy(self) -> bool:
        return "healthy" in (self.m2, self.m3)

    @property
    def answers(self) -> dict[str, Answer]:
        quorum = Quorum(listed(self.listing), self.recorded)
        said = {URL["m2"]: self.m2, URL["m3"]: self.m3, OLD_URL: self.old_url}
        answers: dict[str, Any] = {
            url: quorum if answer == "healthy" else answer
            for url, answer in said.items()
            if answer != "unasked"
        }
        return answers


def row(number: str, name: str, url: str, *, started: bool = True, learner: bool = False) -> Any:
    """A member as the JSON gateway tells it: what is empty is not there."""
    told = {"ID": number, "name": name, "peerURLs": [url]}
    told |= {"clientURLs": [url.replace("2380", "2379")]} if started else {}
    return told | ({"isLearner": True} if learner else {})


def listed(listing: str) -> list[Any]:
    """The member list in which m1 stands as `listing` says."""
    here = URL["m1"]
    own = {
        "started": [row(OUR_ID, "m1", here)],
        "learner": [row(OUR_ID, "m1", here, learner=True)],
        "named": [row(OUR_ID, "m1", here, started=False)],
        "pending": [row(OUR_ID, "", here, started=False, learner=True)],
        "absent": [],
        "elsewhere": [row("9", "m1", OLD_URL)],
    }
    return [*own[listing], row("2", "m2", URL["m2"]), row("3", "m3", URL["m3"])]


def cases() -> Iterator[Case]:
    """Every case; a listing matters only where somebody is healthy."""
    for disk, m2, m3 in itertools.product((None, OUR_ID, "8", ""), ANSWERS, ANSWERS):
        healthy = "healthy" in (m2, m3)
        for listing, old_url, recorded, clock, window in itertools.product(
            LISTINGS if healthy else ("absent",),
            OLD_ANSWERS if healthy else ("unasked",),
            (0, REVISION - 1, REVISION, REVISION + 1) if healthy else (0,),
            (False, True),
            (False, True),
        ):
            yield Case(disk, m2, m3, listing, old_url, recorded, clock, window)


def config(members: dict[str, str], revision: int = REVISION) -> Any:
    return {"node": "m1", "etcd": {"members": members, "membershipRevision": revision}}


def run(case: Case) -> Decision:
    return decide(config(URL), case.disk, case.answers, case.clock, case.window)


TABLE = [(case, run(case)) for case in cases()]


def test_the_table_is_complete() -> None:
    assert len(TABLE) > 29_000
    assert {decision.action for _, decision in TABLE} == {
        "start",
        "new",
        "existing",
        "remove",
        "add",
        "wait",
    }


def test_rule_1_a_disk_with_a_log_starts_unless_a_healthy_quorum_does_not_know_it() -> None:
    for case, decision in TABLE:
        if case.disk is None:
            assert decision.action != "start", case
            continue
        ids = {member["ID"] for member in listed(case.listing)}
        removed = bool(case.disk and case.healthy and case.disk not in ids)
        assert decision.action == ("wait" if removed else "start"), case
        assert ("wipe the data disk" in decision.sentence) == removed, case


def empty_and_healthy() -> Iterator[tuple[Case, Decision]]:
    for case, decision in TABLE:
        if case.disk is None and case.healthy:
            yield case, decision


def test_rule_2_an_empty_machine_that_is_listed_as_started_replaces_itself() -> None:
    for case, decision in empty_and_healthy():
        if case.listing not in ("started", "learner"):
            continue
        both = case.m2 == case.m3 == "healthy"
        may = both and case.recorded <= REVISION
        expected = ("remove", {"ID": OUR_ID}) if may else ("wait", "")
        assert (decision.action, decision.needs) == expected, case
        if case.recorded <= REVISION and not both:
            assert "endangers the quorum" in decision.sentence, case


def test_rule_3_a_place_that_is_kept_for_us_is_taken_whatever_the_window() -> None:
    for case, decision in empty_and_healthy():
        assert (decision.action == "existing") == (case.listing in ("named", "pending")), case
        if decision.action == "existing":
            assert decision.needs == (
                "ETCD_INITIAL_CLUSTER=m1=https://10.0.0.1:2380,"
                "2=https://10.0.0.2:2380,3=https://10.0.0.3:2380\n"
            )


def test_rule_4_a_machine_that_is_not_listed_never_forms_a_cluster() -> None:
    for case, decision in empty_and_healthy():
        if case.listing == "absent":
            may = case.recorded <= REVISION
            body = {"peerURLs": [URL["m1"]], "isLearner": True}
            assert (decision.action, decision.needs) == (("add", body) if may else ("wait", ""))
        if case.listing == "elsewhere":
            may = (
                case.recorded <= REVISION
                and case.old_url in ("silent", "gone")
                and case.m2 == case.m3 == "healthy"
            )
            expected = ("remove", {"ID": "9"}) if may else ("wait", "")
            assert (decision.action, decision.needs) == expected, case


def test_rule_5_older_user_data_changes_nothing() -> None:
    for case, decision in TABLE:
        if decision.action in ("remove", "add"):
            assert case.recorded <= REVISION, case
    assert "newer user-data" in run(base._replace(m2="healthy", recorded=REVISION + 1)).sentence


def test_rule_6_a_new_cluster_needs_a_majority_of_empty_machines_clock_and_window() -> None:
    for case, decision in TABLE:
        peers = (case.m2, case.m3)
        majority = "empty" in peers
        formed = any(answer in ("formed", "gone", "healthy") for answer in peers)
        may = case.disk is None and majority and not formed and case.clock and case.window
        assert (decision.action == "new") == may, case


def test_silence_is_never_consent() -> None:
    """What is undecided while a peer speaks stays so when it falls silent and had no data."""
    for case, decision in TABLE:
        if decision.action == "wait":
            if case.m2 in ("empty", "other"):
                assert run(case._replace(m2="silent")).action == "wait", case
            if case.m2 == "formed":
                assert run(case._replace(m2="gone")).action != "new", case


def test_it_does_not_matter_which_peer_says_what() -> None:
    for case, decision in TABLE:
        swapped = run(case._replace(m2=case.m3, m3=case.m2))
        assert (swapped.action, swapped.needs) == (decision.action, decision.needs), case


def test_every_decision_says_one_sentence() -> None:
    for case, decision in TABLE:
        assert 5 < len(decision.sentence) < 180, case
        assert "\n" not in decision.sentence
        assert not decision.sentence.endswith(".")


base = Case(None, "silent", "silent", "absent", "silent", 0, True, True)


@pytest.mark.parametrize(
    ("change", "action", "sentence"),
    [
        ({}, "wait", "1 of 3 members up, waiting for 1 more"),
        ({"m2": "empty"}, "new", "forming a new cluster"),
        (
            {"m2": "other"},
            "wait",
            "1 of 3 members up, waiting for 1 more; m2 has user-data of another render",
        ),
        ({"m2": "empty", "clock": False}, "wait", "the clock is not synchronised"),
        (
            {"m2": "empty", "window": False},
            "wait",
            "the bootstrap window is closed",
        ),
        (
            {"m2": "empty", "m3": "formed"},
            "wait",
            "m3 has data; waiting for a healthy etcd quorum",
        ),
        (
            {"m2": "healthy", "m3": "healthy", "listing": "started"},
            "remove",
            "replacing the old m1",
        ),
        (
            {"m2": "healthy", "listing": "started"},
            "wait",
            "replacing the old m1 endangers the quorum: 1 of 2 others up",
        ),
        (
            {"m2": "healthy", "listing": "named", "window": False},
            "existing",
            "joining",
        ),
        ({"m2": "healthy"}, "add", "joining"),
        (
            {"m2": "healthy", "listing": "elsewhere", "old_url": "formed"},
            "wait",
            f"another m1 is up: {OLD_URL}",
        ),
        (
            {"m2": "healthy", "recorded": 6},
            "wait",
            "the members have revision 6: boot with newer user-data",
        ),
        ({"disk": "1"}, "start", "starting"),
        (
            {"disk": "8", "m3": "healthy"},
            "wait",
            "removed from the cluster; wipe the data disk to rejoin",
        ),
    ],
)
def test_what_the_console_says(change: dict[str, object], action: str, sentence: str) -> None:
    decision = run(base._replace(**change))  # type: ignore[arg-type]
    assert (decision.action, decision.sentence) == (action, sentence)


def test_a_single_member_needs_nobody_else() -> None:
    alone = config({"m1": URL["m1"]})
    assert decide(alone, None, {}, True, True).action == "new"
    assert decide(alone, None, {}, True, False).action == "wait"
    assert decide(alone, OUR_ID, {}, False, False).action == "start"


def test_of_five_members_three_must_be_empty() -> None:
    five = config({f"m{i}": f"https://10.0.0.{i}:2380" for i in range(1, 6)})
    two = decide(five, None, {URL["m2"]: "empty"}, True, True)
    assert two == Decision("wait", "2 of 5 members up, waiting for 1 more")
    three = decide(five, None, {URL["m2"]: "empty", URL["m3"]: "empty"}, True, True)
    assert three == Decision("new", "forming a new cluster", "ETCD_INITIAL_CLUSTER_STATE=new\n")


@pytest.mark.parametrize(("up", "action"), [(1, "wait"), (2, "remove"), (3, "remove")])
def test_most_of_the_other_voters_must_be_up_before_one_is_replaced(up: int, action: str) -> None:
    """Of five members m5 is a learner; without m1 three vote."""
    urls = {f"m{i}": f"https://10.0.0.{i}:2380" for i in range(1, 6)}
    rows = [row(name[1:], name, url, learner=name == "m5") for name, url in urls.items()]
    answers: dict[str, Any] = {urls["m5"]: Quorum(rows, 0)}
    for i in 2, 3, 4:
        answers[urls[f"m{i}"]] = Quorum(rows, 0) if i < 2 + up else "silent"
    assert decide(config(urls), None, answers, True, True).action == action
