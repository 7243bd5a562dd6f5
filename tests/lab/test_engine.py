"""Docker is asked for without anything left open where nobody answers."""

from __future__ import annotations

import gc
import socket
from pathlib import Path

import pytest

from nodeseed_lab import engine
from nodeseed_lab.errors import LabError


@pytest.mark.parametrize("left_over", [False, True], ids=["no socket", "a dead daemon's socket"])
def test_where_no_daemon_listens_the_sdk_is_not_asked(
    left_over: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "docker.sock"
    if left_over:
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine, "SOCKET", path)
    monkeypatch.setattr(engine.shutil, "which", lambda name: None)
    with pytest.raises(LabError, match="not installed"):
        engine.connect(print)
    gc.collect()  # warns of sockets that were left open
