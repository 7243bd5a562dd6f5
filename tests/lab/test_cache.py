"""What is kept is complete or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeseed_lab.cache import complete, fingerprint, tree_fingerprint


def test_it_is_made_once(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("content")

    for _ in range(2):
        assert (complete(tmp_path / "a", make) / "file").read_text() == "content"
    assert len(made) == 1


def test_what_an_interrupted_run_left_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complete(tmp_path / "a", interrupted)
    assert not (tmp_path / "a").exists()
    complete(tmp_path / "a", lambda folder: (folder / "whole").touch())
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["whole"]


def test_parts_cannot_run_into_one_another() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


def test_a_tree_is_its_names_modes_and_content(tmp_path: Path) -> None:
    seen = {tree_fingerprint(tmp_path)}
    script = tmp_path / "script"
    for change in (
        lambda: script.write_text("one"),
        lambda: script.write_text("two"),
        lambda: script.chmod(0o755),
        lambda: script.rename(tmp_path / "other"),
    ):
        change()
        seen.add(tree_fingerprint(tmp_path))
    assert len(seen) == 5
