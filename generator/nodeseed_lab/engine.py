"""The Docker that the lab runs on: found, or started if nobody else does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import docker
from docker.errors import DockerException

from nodeseed_lab.errors import LabError

Say = Callable[[str], None]

LOG = Path(tempfile.gettempdir()) / "nodeseed-dockerd.log"
SOCKET = Path("/var/run/docker.sock")
START_SECONDS = 60

# What was started here: Python complains of a child that is forgotten while it runs.
_started: list[subprocess.Popen[bytes]] = []


def connect(say: Say) -> docker.DockerClient:
    """Give a client of the Docker daemon; start a daemon where none answers and we are root.

    On a bare machine (a CI job, a container) no init system starts ``dockerd``. One that is started
    here goes on when this process ends, so that the next command finds it.

    Args:
        say: told what is done about it.

    Raises:
        LabError: there is no Docker, or it does not start.
    """
    client = _answering()
    if client is not None:
        return client
    if shutil.which("dockerd") is None:
        raise LabError(
            "Docker does not answer and is not installed: install it (Debian, Ubuntu: "
            "apt-get install docker.io), or set DOCKER_HOST"
        )
    if os.geteuid() != 0 or "DOCKER_HOST" in os.environ:
        raise LabError(
            "Docker does not answer: start it (systemctl start docker), and see that this user may "
            "use it (`docker info`)"
        )
    say(f"Docker does not run; starting dockerd (its log: {LOG})")
    with LOG.open("ab") as log:
        daemon = subprocess.Popen(
            ["dockerd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _started.append(daemon)
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and daemon.poll() is None:
        time.sleep(0.2)
        client = _answering()
        if client is not None:
            return client
    last = LOG.read_text(errors="replace").strip().rpartition("\n")[2]
    raise LabError(f"dockerd does not start: {last} (the whole log: {LOG})")


def _answering() -> docker.DockerClient | None:
    if "DOCKER_HOST" not in os.environ and not _listening(SOCKET):
        return None
    try:
        client = docker.from_env(timeout=120)
    except DockerException:
        return None
    try:
        client.ping()
    except (DockerException, OSError):
        client.close()
        return None
    return client


def _listening(path: Path) -> bool:
    """Whether somebody listens; the SDK leaves its own socket open where nobody does."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
