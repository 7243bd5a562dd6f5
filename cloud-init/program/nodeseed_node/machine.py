"""The one seam between the steps and the world: files, commands, the clocks, the console.

Paths are written without a leading slash and resolved under `root`, so that a test gives a
folder, and overrides `run` and the clocks; nothing else in a step reaches outside, but for the
sockets of `https.py` and `answer.py`.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STATUS = "run/nodeseed/status.json"


class Machine:
    """This machine, as seen by the step that runs."""

    def __init__(self, root: str, step: str) -> None:
        self.root = Path(root)
        self.step = step

    def path(self, name: str) -> Path:
        """Where a file is."""
        return self.root / name

    def text(self, name: str) -> str:
        """Give a file's text; what cannot be read is empty."""
        try:
            return self.path(name).read_text()
        except (OSError, ValueError):
            return ""

    def load(self, name: str) -> Any:
        """Give a JSON file's content; what cannot be read, or was cut off, is an empty object."""
        try:
            return json.loads(self.text(name))
        except ValueError:
            return {}

    @property
    def config(self) -> Any:
        """All that this node was told about itself."""
        return self.load("etc/nodeseed/config.json")

    def write(self, name: str, data: str | bytes, mode: int = 0o644, durable: bool = True) -> None:
        """Write a file so that a power cut leaves the old one or the new one, never a part.

        The temporary name starts with a dot: the kubelet and systemd pass over such files. Who
        writes many files may say that they need not be `durable`, and sync the disk afterwards.
        """
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.nodeseed")
        with part.open("wb") as file:
            os.fchmod(file.fileno(), mode)  # before there is anything to read
            file.write(data if isinstance(data, bytes) else data.encode())
            file.flush()
            if durable:
                os.fsync(file.fileno())
        part.replace(path)

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it."""
        path = self.path(name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        """Run a program; give its exit code and what it printed."""
        try:
            done = subprocess.run(
                command,
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        except OSError as error:
            return 127, str(error)
        said = done.stdout.strip()
        return done.returncode, said or (f"{command[0]} failed" if done.returncode else "")

    def now(self) -> float:
        """The time, in seconds since 1970."""
        return time.time()

    def uptime(self) -> float:
        """Seconds on a clock that nobody sets."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def before(self, day: str) -> bool:
        """Whether a moment, such as 2026-11-24T00:00:00Z, is still to come."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now())) < day

    def clock_trusted(self) -> bool:
        """Whether the clock was set: by NTP as the kernel knows, or by the host as we believe.

        In either case it is not before the day on which this node's certificates were issued.
        """
        timex = ctypes.create_string_buffer(256)  # adjtimex(2): status is its sixth field
        ctypes.CDLL(None).adjtimex(timex)
        unsynchronised = struct.unpack_from("Illlli", timex)[5] & 64  # STA_UNSYNC
        config = self.config
        host = config["timeSource"] == "host"
        return not self.before(config["issued"]) and (host or not unsynchronised)

    def say(self, text: str) -> None:
        """Keep what this step says in the status file, and print it if it is news."""
        folder = self.path("run/nodeseed")
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # steps run side by side
            said = self.load(STATUS)
            if said.get(self.step) == text:
                return
            said[self.step] = text
            self.write(STATUS, json.dumps(said))
        line = f"nodeseed {self.config.get('node', '')}: {self.step}: {text}\n"
        sys.stdout.write(line)
        sys.stdout.flush()
        try:
            with self.path("dev/console").open("a") as console:
                console.write(line)
        except OSError:
            pass

    def until(
        self, missing: Callable[[], str], seconds: float = float("inf"), about: str = ""
    ) -> bool:
        """Wait, saying what is missing, until nothing is; give False if the time ran out."""
        end = self.uptime() + seconds
        while True:
            try:
                text = missing()
            except (OSError, ValueError, KeyError) as error:
                text = str(error) or repr(error)
            if not text:
                return True
            if self.uptime() >= end:
                return False
            self.say(about + text)
            self.sleep(1)
