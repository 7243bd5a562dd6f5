"""The program of a volume for many machines: power may go at any moment while it writes."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nodeseed.render.templates import root

PART = {"user-data": b"#cloud-config\n{}\n", "meta-data": b"instance-id: x-1\n"}


@pytest.fixture
def choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, on a machine whose disk is a folder."""
    found = importlib.util.spec_from_file_location("choose", root() / "volume" / "choose.py")
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    monkeypatch.setattr(module, "SEED", tmp_path / "seed" / "nocloud")
    monkeypatch.setattr(module, "SETTINGS", tmp_path / "etc" / "90-nodeseed-seed.cfg")
    (tmp_path / "etc").mkdir()
    part = tmp_path / "volume"
    part.mkdir()
    for name, content in PART.items():
        (part / name).write_bytes(content)
    return module


class PowerCut(Exception):
    """The machine is off."""


@pytest.mark.parametrize("cut", range(12))
def test_the_seed_is_there_as_a_whole_or_not_at_all(
    choose: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    calls = 0

    def counted(real: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == cut:
                raise PowerCut
            return real(*arguments, **named)

        return call

    for owner, name in ((os, "open"), (os, "sync"), (os, "mkdir"), (os, "rename"), (os, "symlink")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    try:
        choose.take(tmp_path / "volume")
    except PowerCut:
        seed_there, settings_there = choose.SEED.exists(), choose.SETTINGS.exists()
        assert seed_there == settings_there
        monkeypatch.undo()
        monkeypatch.setattr(choose, "SEED", tmp_path / "seed" / "nocloud")
        monkeypatch.setattr(choose, "SETTINGS", tmp_path / "etc" / "90-nodeseed-seed.cfg")
        if not seed_there:
            choose.take(tmp_path / "volume")
    assert choose.SETTINGS.read_bytes() == choose.NO_VOLUME
    held = {path.name: path.read_bytes() for path in choose.SEED.iterdir()}
    assert held == {**PART, "settings": choose.NO_VOLUME}
    assert {path.stat().st_mode & 0o7777 for path in choose.SEED.iterdir()} == {0o600}
    assert choose.SEED.stat().st_mode & 0o7777 == 0o700


def test_all_that_is_written_of_a_machine_must_hold(choose: ModuleType) -> None:
    marks = {"mac": ["52:54:00:00:00:01", "52:54:00:00:00:02"], "serial": ["S1"], "uuid": []}
    assert choose.fits({"mac": "52:54:00:00:00:02", "serial": "S1"}, marks)
    assert not choose.fits({"mac": "52:54:00:00:00:02", "serial": "S2"}, marks)
    assert not choose.fits({"uuid": ""}, marks)
