"""A volume holds its files, under their names, and nothing of the day on which it was made."""

from __future__ import annotations

import io
import os
import time

import pycdlib
import pytest

from nodeseed.outputs.volume import volume
from tests.conftest import Workplace
from tests.nodes.changes import drop, put

FILES = {
    "user-data": b"#cloud-config\n" * 500,
    "meta-data": b"instance-id: one\n",
    "network-config": b"version: 2\n",
    f"nodes/{'w' * 63}/user-data": b"",
    "nodes/cp-1/user-data": b"\x1f\x8b",
}


def files_of(image: bytes, names: str) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file; ``names``: ``rr`` or ``joliet``."""
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(image))
    found = {}
    for folder, _, files in iso.walk(**{f"{names}_path": "/"}):
        for file in files:
            path = f"{folder.rstrip('/')}/{file}"
            content = io.BytesIO()
            iso.get_file_from_iso_fp(content, **{f"{names}_path": path})
            entry = iso.get_record(**{f"{names}_path": path})
            mode = entry.rock_ridge.get_file_mode() if names == "rr" else 0
            found[path[1:]] = (mode & 0o7777, content.getvalue())
    iso.close()
    return found


def test_every_file_is_there_by_its_name_and_for_root_alone() -> None:
    image = volume(FILES)
    assert image[32808:32840].decode().rstrip() == "CIDATA"  # ECMA-119 8.4.7, volume identifier
    assert files_of(image, "rr") == {name: (0o400, content) for name, content in FILES.items()}
    assert files_of(image, "joliet") == {name: (0, content) for name, content in FILES.items()}


def test_the_same_files_are_the_same_bytes_on_another_day_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = volume(FILES)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert volume(dict(reversed(FILES.items()))) == once
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ.get("TZ") != "Asia/Tokyo"
    assert volume({**FILES, "meta-data": b"instance-id: two\n"}) != once


def test_images_of_what_changed_go_with_the_next_render(workplace: Workplace) -> None:
    workplace.render()
    for name in ("cp-1.iso", "worker-1.iso", "debian.iso"):
        (workplace.out / name).write_bytes(b"image")
    workplace.write(put("nodes.3.labels", {"disk": "fast"}))
    workplace.render()
    assert sorted(path.name for path in workplace.out.glob("*.iso")) == ["cp-1.iso", "debian.iso"]
    (workplace.out / "worker-1.iso").write_bytes(b"image")
    workplace.write(drop("nodes.3"))
    assert workplace.render().removed == 3
    assert sorted(path.name for path in workplace.out.glob("*.iso")) == ["cp-1.iso", "debian.iso"]
