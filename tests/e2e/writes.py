"""How long the API is not to be had, as seen by clients on a machine that write all the time."""

from __future__ import annotations

import base64
import time
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import yaml

from nodeseed_lab.lab import Lab
from tests.e2e.workload import eventually

PROGRAM = Path(__file__).with_name("write_often.py")
FOLDER = "/run/writes"
HOWS = ("kept", "fresh")  # connections, see the program
GOAL = 5.0  # seconds, the longest that the API may not be to be had


class Writes:
    """Two clients on a machine, with the operator's own admin.conf, one for each kind.

    Args:
        lab: the cluster.
        node: the machine on which the clients run; it resolves the endpoint's name by itself.
    """

    def __init__(self, lab: Lab, node: str) -> None:
        self._machine = lab.machines[node]
        self._conf = yaml.safe_load((lab.out / "admin.conf").read_text(encoding="utf-8"))

    def __enter__(self) -> Writes:
        cluster, user = self._conf["clusters"][0]["cluster"], self._conf["users"][0]["user"]
        pair = [user["client-certificate-data"], user["client-key-data"]]
        self._put("ca.crt", base64.b64decode(cluster["certificate-authority-data"]))
        self._put("pair.pem", b"".join(map(base64.b64decode, pair)))
        self._put("write.py", PROGRAM.read_bytes())
        for how in HOWS:
            command = f"python3 write.py {cluster['server']} ca.crt pair.pem {how}"
            start = f"cd {FOLDER} && ({command} >{how}.log 2>&1 & echo $! >{how}.pid)"
            self._machine.run("sh", "-c", start)
        eventually("both clients write", lambda: all(len(self.at(how)) > 10 for how in HOWS), 30)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._machine.exec("sh", "-c", f"kill $(cat {FOLDER}/*.pid)")

    def at(self, how: str) -> list[float]:
        """When each write was acknowledged, in seconds since 1970."""
        lines = self._machine.read(f"{FOLDER}/{how}.log").splitlines()
        return [float(line) for line in lines if line and not line.startswith("!")]

    def gaps(self, seconds: float) -> dict[str, float]:
        """Let time pass, which must end with writes that go through; give the longest gaps.

        Args:
            seconds: how long the clients have to show what something that was just done does.

        Returns:
            For each kind of client the longest time between two writes, in seconds.
        """
        began = time.time()
        time.sleep(seconds)
        found = {}
        for how in HOWS:
            times = [moment for moment in self.at(how) if moment > began - 1]
            log = self._machine.read(f"{FOLDER}/{how}.log")
            assert times, log
            assert times[-1] > time.time() - 1, log
            found[how] = round(max(b - a for a, b in pairwise(times)), 2)
        print(f"\ngaps: {found}")  # with `pytest -s`, for docs/load-balancers.md
        return found

    def _put(self, name: str, data: bytes) -> None:
        text = base64.b64encode(data).decode()
        place = f"umask 077; mkdir -p {FOLDER}; echo {text} | base64 -d >{FOLDER}/{name}"
        self._machine.run("sh", "-c", place)
