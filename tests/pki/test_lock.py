"""Lock files: those of every release load, and what is no lock for this nodeseed is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeseed.errors import LockError
from nodeseed.pki.lock import dump_lock, load_lock
from tests.conftest import Workplace


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "locks").glob("*.json")))
def test_locks_of_every_release_still_load(path: Path) -> None:
    lock = load_lock(path.read_bytes(), path.name)
    assert lock.nodes
    assert dump_lock(lock) == path.read_bytes()


def test_a_lock_of_a_newer_nodeseed_is_refused(workplace: Workplace) -> None:
    workplace.render()
    path = workplace.state.lock_path
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(LockError, match="install that version or a newer one"):
        workplace.render()


def test_conflict_marks_in_the_lock_are_refused(workplace: Workplace) -> None:
    workplace.render()
    path = workplace.state.lock_path
    path.write_text("<<<<<<< HEAD\n" + path.read_text())
    with pytest.raises(LockError, match="conflict marks"):
        workplace.render()
