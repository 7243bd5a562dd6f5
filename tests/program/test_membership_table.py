"""The membership decision, over every combination of what three members can see and say."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple, get_args

import pytest

from nodeseed_node.membership import (
    Answer,
    Decision,
    Member,
    Own,
    Quorum,
    decide,
)

URL = {name: f"https://10.0.0.{i}:2380" for i, name in enumerate(("m1", "m2", "m3"), 1)}
OLD_URL = "https://10.0.9.9:2380"
ANSWERS: tuple[Answer, ...] = get_args(Answer)
OLD_ANSWERS: tuple[Answer, ...] = ("silent", "gone", "empty", "formed")
LISTINGS = ("started", "learner", "named", "pending", "absent", "elsewhere")
OUR_ID = 1
REVISION = 5


class Case(NamedTuple):
    """Everything that the decision for m1 can depend on."""

    disk: int | None
    m2: Answer
    m3: Answer
    listing: str
    old_url: Answer
    recorded: int
    two_clusters: bool
    clock: bool
    window: bool

    @property
    def quorums(self) -> list[Quorum]:
        healthy = [self.m2, self.m3].count("healthy")
        return [
            Quorum(70 + (n if self.two_clusters else 0), listed(self.listing), self.recorded)
            for n in range(healthy)
        ]

    @property
    def answers(self) -> dict[str, Answer]:
        return {URL["m2"]: self.m2, URL["m3"]: self.m3, OLD_URL: self.old_url}


def listed(listing: str) -> tuple[Member, ...]:
    """The member list in which m1 stands as `listing` says."""
    others = tuple(Member(i, f"m{i}", (URL[f"m{i}"],), True, False) for i in (2, 3))
    here = (URL["m1"],)
    own = {
        "started": (Member(OUR_ID, "m1", here, True, False),),
        "learner": (Member(OUR_ID, "m1", here, True, True),),
        "named": (Member(OUR_ID, "m1", here, False, False),),
        "pending": (Member(OUR_ID, "", here, False, True),),
        "absent": (),
        "elsewhere": (Member(9, "m1", (OLD_URL,), True, False),),
    }
    return own[listing] + others


def cases() -> Iterator[Case]:
    """Every case; a listing matters only where somebody is healthy."""
    disk: int | None
    m2: Answer
    m3: Answer
    for disk, m2, m3 in itertools.product((None, OUR_ID, 8, 0), ANSWERS, ANSWERS):
        healthy = [m2, m3].count("healthy")
        for listing, old_url, recorded, two, clock, window in itertools.product(
            LISTINGS if healthy else ("absent",),
            OLD_ANSWERS if healthy else OLD_ANSWERS[:1],
            (0, REVISION - 1, REVISION, REVISION + 1) if healthy else (0,),
            (False, True) if healthy == 2 else (False,),
            (False, True),
            (False, True),
        ):
            yield Case(disk, m2, m3, listing, old_url, recorded, two, clock, window)


def run(case: Case) -> Decision:
    own = Own("m1", URL["m1"], URL, REVISION, case.disk)
    return decide(own, case.answers, case.quorums, case.clock, case.window)


TABLE = [(case, run(case)) for case in cases()]


def test_the_table_is_complete() -> None:
    assert len(TABLE) > 20_000
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
        ids = {member.id for quorum in case.quorums for member in quorum.members}
        removed = bool(case.disk and case.quorums and case.disk not in ids)
        assert decision.action == ("wait" if removed else "start"), case
        assert ("wipe the data disk" in decision.sentence) == removed, case


def empty_and_healthy() -> Iterator[tuple[Case, Decision]]:
    for case, decision in TABLE:
        if case.disk is None and case.quorums and not case.two_clusters:
            yield case, decision


def test_rule_2_an_empty_machine_that_is_listed_as_started_replaces_itself() -> None:
    for case, decision in empty_and_healthy():
        if case.listing not in ("started", "learner"):
            continue
        both = case.m2 == case.m3 == "healthy"
        may = both and case.recorded <= REVISION
        assert (decision.action, decision.target) == (("remove", OUR_ID) if may else ("wait", 0)), (
            case
        )
        if case.recorded <= REVISION and not both:
            assert "endanger the quorum" in decision.sentence, case


def test_rule_3_a_place_that_is_kept_for_us_is_taken_whatever_the_window() -> None:
    for case, decision in empty_and_healthy():
        assert (decision.action == "existing") == (case.listing in ("named", "pending")), case


def test_rule_4_a_machine_that_is_not_listed_never_forms_a_cluster() -> None:
    for case, decision in empty_and_healthy():
        if case.listing == "absent":
            may = case.recorded <= REVISION
            assert decision.action == ("add" if may else "wait"), case
        if case.listing == "elsewhere":
            may = (
                case.recorded <= REVISION
                and case.old_url in ("silent", "gone")
                and case.m2 == case.m3 == "healthy"
            )
            assert (decision.action, decision.target) == (("remove", 9) if may else ("wait", 0)), (
                case
            )


def test_rule_5_older_user_data_changes_nothing() -> None:
    for case, decision in TABLE:
        if decision.action in ("remove", "add"):
            assert case.recorded <= REVISION, case
    assert "newer user-data" in run(base._replace(m2="healthy", recorded=REVISION + 1)).sentence


def test_rule_6_a_new_cluster_needs_a_majority_of_empty_machines_clock_and_window() -> None:
    for case, decision in TABLE:
        peers = (case.m2, case.m3)
        majority = any(answer in ("empty", "unstarted") for answer in peers)
        formed = any(answer in ("formed", "data", "gone", "healthy") for answer in peers)
        may = case.disk is None and majority and not formed and case.clock and case.window
        assert (decision.action == "new") == may, case


def test_silence_is_never_consent() -> None:
    """What is undecided while a peer speaks stays so when it falls silent and had no data."""
    for case, decision in TABLE:
        if decision.action == "wait":
            if case.m2 in ("empty", "other", "unstarted"):
                assert run(case._replace(m2="silent")).action == "wait", case
            if case.m2 in ("formed", "data"):
                assert run(case._replace(m2="gone")).action != "new", case


def test_it_does_not_matter_which_peer_says_what() -> None:
    for case, decision in TABLE:
        swapped = run(case._replace(m2=case.m3, m3=case.m2))
        assert (swapped.action, swapped.target) == (decision.action, decision.target), case


def test_two_clusters_are_never_joined() -> None:
    for case, decision in TABLE:
        if case.two_clusters and case.disk is None:
            assert decision.action == "wait"
            assert "two different clusters" in decision.sentence


def test_every_decision_says_one_sentence() -> None:
    for case, decision in TABLE:
        assert 5 < len(decision.sentence) < 180, case
        assert "\n" not in decision.sentence
        assert not decision.sentence.endswith(".")


base = Case(None, "silent", "silent", "absent", "silent", 0, False, True, True)


@pytest.mark.parametrize(
    ("change", "action", "sentence"),
    [
        ({}, "wait", "1 of 3 members up, waiting for 1 more"),
        ({"m2": "empty"}, "new", "forming a new cluster, 2 of 3 members up"),
        ({"m2": "unstarted"}, "new", "forming a new cluster, 2 of 3 members up"),
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
            "m3 belongs to a formed cluster; waiting for its quorum",
        ),
        (
            {"m2": "healthy", "m3": "healthy", "listing": "started"},
            "remove",
            "replacing the old m1",
        ),
        (
            {"m2": "healthy", "listing": "started"},
            "wait",
            "replacing the old m1 would endanger the quorum: 1 of 2 others up",
        ),
        (
            {"m2": "healthy", "listing": "named", "window": False},
            "existing",
            "joining",
        ),
        ({"m2": "healthy"}, "add", "joining as a new member"),
        (
            {"m2": "healthy", "listing": "elsewhere", "old_url": "formed"},
            "wait",
            f"another m1 answers at {OLD_URL}; shut it down",
        ),
        (
            {"m2": "healthy", "recorded": 6},
            "wait",
            ("members have revision 6, not 5: boot with newer user-data"),
        ),
        ({"disk": 1}, "start", "starting with the data on its disk"),
        (
            {"disk": 8, "m3": "healthy"},
            "wait",
            "removed from the cluster; wipe the data disk to rejoin",
        ),
    ],
)
def test_what_the_console_says(change: dict[str, object], action: str, sentence: str) -> None:
    decision = run(base._replace(**change))  # type: ignore[arg-type]
    assert (decision.action, decision.sentence) == (action, sentence)


def test_a_single_member_needs_nobody_else() -> None:
    own = Own("m1", URL["m1"], {"m1": URL["m1"]}, 1, None)
    assert decide(own, {}, [], True, True).action == "new"
    assert decide(own, {}, [], True, False).action == "wait"


def test_of_five_members_three_must_be_empty() -> None:
    initial = {f"m{i}": f"https://10.0.0.{i}:2380" for i in range(1, 6)}
    own = Own("m1", URL["m1"], initial, 1, None)
    two = decide(own, {URL["m2"]: "empty"}, [], True, True)
    assert two == Decision("wait", "2 of 5 members up, waiting for 1 more")
    three = decide(own, {URL["m2"]: "empty", URL["m3"]: "unstarted"}, [], True, True)
    assert three.action == "new"
