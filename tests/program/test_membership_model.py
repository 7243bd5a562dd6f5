"""Every history of three members, searched for one in which data is lost or a boot waits for ever.

The model is in three_members.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed_node.membership import Decision, Quorum, decide
from tests.program.three_members import (
    Decide,
    Lost,
    excuses,
    histories,
    leader,
    settled,
    start,
)


@pytest.mark.parametrize(
    ("budget", "states"),
    [
        pytest.param({"wipes": 2, "cuts": 3, "renders": 0}, 100_000, id="two-wipes"),
        pytest.param({"wipes": 1, "cuts": 4, "renders": 0}, 200_000, id="many-cuts"),
        pytest.param({"wipes": 1, "cuts": 3, "writes": 0}, 80_000, id="newer-user-data"),
    ],
)
def test_no_history_forgets_what_was_committed(budget: dict[str, int], states: int) -> None:
    assert len(histories(start(**budget))) > states


def test_in_good_weather_every_history_ends_with_three_voters() -> None:
    ends = {
        settled(state)
        for state in {
            state._replace(apart=-1, wipes=0, cuts=0, writes=0, renders=0)
            for state in histories(start(wipes=1, cuts=2, writes=0, renders=1))
        }
    }
    assert len(ends) > 10
    for end in ends:
        said = excuses(end)
        if any("newer user-data" in text for text in said):
            continue  # the operator replaced another machine with newer user-data: rule 5
        if not end.committed and any("window is closed" in text for text in said):
            continue  # a machine of the first boot came with user-data that forms nothing
        assert not said, end
        found = leader(end, [0, 1, 2])
        assert found, end
        assert len(found[1]) == 3, end
        assert all(place and place.started for place in found[0].config), end


@pytest.mark.parametrize("cuts", [2])
def test_the_excluded_losses_are_real(cuts: int) -> None:
    """Inside the window the loss of a majority's disks, or of one while a founder never heard."""
    with pytest.raises(Lost):
        histories(start(wipes=2, cuts=cuts), wipe=lambda state, i: True)


def etcds_own_rule(config: Any, disk: Any, answers: Any, clock: bool, window: bool) -> Decision:
    """Start as `new` unless somebody says that we have been here before."""
    real = decide(config, disk, answers, clock, window)
    quorums = [answer for answer in answers.values() if isinstance(answer, Quorum)]
    if real.action == "wait" and not quorums and disk is None:
        return Decision("new", "nobody objects")
    return real


def without_formed(config: Any, disk: Any, answers: Any, clock: bool, window: bool) -> Decision:
    """Take a formed member without quorum for one that waits, as its peer port might suggest."""
    blind = {url: "empty" if said == "formed" else said for url, said in answers.items()}
    return decide(config, disk, blind, clock, window)


def without_replacement(
    config: Any, disk: Any, answers: Any, clock: bool, window: bool
) -> Decision:
    """Start again under the old identity instead of removing it."""
    real = decide(config, disk, answers, clock, window)
    return Decision("new", "as before") if real.action == "remove" else real


@pytest.mark.parametrize("rule", [etcds_own_rule, without_formed, without_replacement])
def test_weaker_rules_lose_data(rule: Decide) -> None:
    with pytest.raises(Lost):
        histories(start(wipes=1, cuts=4, writes=1, renders=0), rule)
