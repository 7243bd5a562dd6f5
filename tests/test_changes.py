"""What changes a lock besides a render, and what ``plan`` says of the next one."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed import changes
from nodeseed.errors import LockError
from nodeseed.pipeline import prepare
from tests.conftest import NOW, Workplace
from tests.nodes.changes import WORKER, add, drop


def test_plan_needs_no_seed_and_says_what_would_change(workplace: Workplace) -> None:
    assert changes.plan(workplace.state, now=NOW) == [
        "There is no lock yet: the first render makes all 4 nodes."
    ]
    workplace.render()
    workplace.state.seed_path.unlink()
    assert changes.plan(workplace.state, now=NOW) == ["Nothing would change."]
    workplace.write(
        drop("nodes.3"), add(WORKER), lambda spec: spec["nodes"][0].update(labels={"a": "b"})
    )
    assert changes.plan(workplace.state, now=NOW) == [
        "cp-1: changes (revision 1 now)",
        "worker-2: new, keys of generation 1",
        "worker-1: goes",
        "Replace machines in this order: one at a time, each Ready before the next: cp-1.",
    ]


def test_renewing_one_node_with_new_keys_changes_that_node_only(workplace: Workplace) -> None:
    workplace.render()
    changes.renew(workplace.state, nodes=["worker-1"], classes=[], new_keys=True, now=NOW)
    report = workplace.render()
    assert report.changed == ["worker-1"]
    assert report.lock.nodes["worker-1"].generation == 2


def test_open_and_seal(workplace: Workplace) -> None:
    workplace.render()
    token = workplace.tree("cp-1")["/etc/etcd.env"]
    changes.seal(workplace.state)
    report = workplace.render()
    assert report.lock.bootstrap.until is None
    assert set(report.changed) == {"cp-1", "cp-2", "cp-3"}
    design = prepare(workplace.state)
    changes.open_window(workplace.state, design, now=NOW)
    workplace.render()
    assert workplace.tree("cp-1")["/etc/etcd.env"] != token


def test_a_lost_lock_is_recovered_with_the_same_keys_and_authorities(workplace: Workplace) -> None:
    workplace.render()
    before = workplace.tree("cp-1")
    workplace.state.lock_path.unlink()
    changes.recover(workplace.state, revision=7, issued="2026-11-24", generations=[], now=NOW)
    report = workplace.render(upgrade=True)
    after = workplace.tree("cp-1")
    assert {p for p in after if p.endswith((".crt", ".key")) and after[p] != before[p]} == set()
    assert report.lock.bootstrap.until is None
    assert report.lock.revision == 8
    assert report.lock.nodes["cp-1"].nodeRevision == 8


@pytest.mark.parametrize(
    "given",
    [
        {"revision": -1},
        {"issued": "24.11.2026"},
        {"issued": "2031-01-01"},
        {"generations": ["cp-1=0"]},
        {"generations": ["cp-1=\u00b2"]},
        {"generations": ["nobody=2"]},
    ],
)
def test_a_lock_is_not_recovered_from_what_cannot_be(
    workplace: Workplace, given: dict[str, Any]
) -> None:
    workplace.render()
    workplace.state.lock_path.unlink()
    known: dict[str, Any] = {"revision": 7, "issued": "2026-11-24", "generations": []}
    with pytest.raises(LockError):
        changes.recover(workplace.state, **{**known, **given}, now=NOW)
    assert not workplace.state.lock_path.exists()
