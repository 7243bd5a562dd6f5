"""What is measured, each in a process and on one core of its own."""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import deflate
import yaml

from benchmarks.render.cfssl import measure_cfssl
from benchmarks.render.cluster import SECRET, render
from benchmarks.render.floor import issue_all, known_pairs
from nodeseed.pipeline import Report
from nodeseed.pki.seed import Seed
from nodeseed.render.encode import cloud_config_text, gzip
from nodeseed.render.node import PROGRAM

_LEVEL = 12


@contextmanager
def stopwatch(into: dict[str, float], name: str) -> Iterator[None]:
    """Adds wall and processor seconds of the block to ``into``."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        for kind, seconds in (
            ("wall", time.perf_counter() - wall),
            ("cpu", time.process_time() - cpu),
        ):
            into[f"{name}_{kind}"] = into.get(f"{name}_{kind}", 0.0) + seconds


def measure_render(workers: int) -> dict[str, Any]:
    """Seconds of a render, the most memory that it ever had, and what came out."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        with stopwatch(seconds, "render"):
            report = render(folder, workers)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            **seconds,
            "peak_bytes": peak,
            "peak_bytes_before": before,
            "files": report.written,
            "lock_bytes": (folder / "bench.lock.json").stat().st_size,
            "sizes": sizes(folder / "out", report),
        }


def sizes(out: Path, report: Report) -> dict[str, Any]:
    """Bytes as sent of the largest node of each role, with and without the on-node program."""
    found = {}
    for role in ("control-plane", "worker"):
        row = max((row for row in report.rows if row.role == role), key=lambda row: row.size)
        document = yaml.safe_load((out / row.node / "user-data.yaml").read_text())
        document["write_files"] = [
            file for file in document["write_files"] if file["path"] != PROGRAM
        ]
        without = len(gzip(cloud_config_text(document)))
        found[role] = {"with_program": row.size, "without_program": without}
    return found


def measure_floor(workers: int) -> dict[str, Any]:
    """Seconds for the same keys, certificates, packed bytes and files, and nothing else."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        render(folder, workers)
        pairs = list(known_pairs(folder))
        secret = Seed(SECRET)._pseudorandom_key  # so that the keys are the very same
        with stopwatch(seconds, "pki"):
            issue_all(pairs, secret)
        plain = folder / "plain"
        plain.mkdir()
        texts = 0
        for node in sorted(path for path in (folder / "out").iterdir() if path.is_dir()):
            files = [(path.name, path.read_bytes()) for path in node.iterdir()]
            text = dict(files)["user-data.yaml"]
            texts += len(text)
            with stopwatch(seconds, "gzip"):
                deflate.gzip_compress(text, _LEVEL)
            with stopwatch(seconds, "write"):
                target = f"{plain}/{node.name}"
                os.mkdir(target)  # noqa: PTH102 - the floor
                for name, content in files:
                    with open(f"{target}/{name}", "wb") as file:  # noqa: PTH123 - the floor
                        file.write(content)
    return {
        **seconds,
        "floor_wall": sum(value for name, value in seconds.items() if name.endswith("_wall")),
        "floor_cpu": sum(value for name, value in seconds.items() if name.endswith("_cpu")),
        "certificates": sum(pair.content is not None for pair in pairs),
        "text_bytes": texts,
    }


MEASUREMENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "render": measure_render,
    "floor": measure_floor,
    "cfssl": measure_cfssl,
}


def apart(what: str, workers: int) -> dict[str, Any]:
    """A measurement in a process of its own, which stays on one core."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.render", "--measure", what, "--workers", str(workers)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def best(what: str, workers: int, rounds: int, by: str) -> dict[str, Any]:
    """The fastest of several: other work on the machine only ever makes it slower."""
    return min((apart(what, workers) for _ in range(rounds)), key=lambda found: found[by])


def compare(workers: int, rounds: int) -> dict[str, Any]:
    """One size: the render, the floor, and how they compare."""
    rendered = best("render", workers, rounds, "render_cpu")
    floor = best("floor", workers, rounds, "floor_cpu")
    return {
        "workers": workers,
        "ratio_cpu": rendered["render_cpu"] / floor["floor_cpu"],
        "ratio_wall": rendered["render_wall"] / floor["floor_wall"],
        "render": rendered,
        "floor": floor,
    }


def profile(workers: int) -> None:
    """Where the time goes, by own time and by cumulative time."""
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory() as place:
        profiler.runcall(render, Path(place), workers)
    stats = pstats.Stats(profiler).strip_dirs()
    stats.sort_stats("tottime").print_stats(30)
    stats.sort_stats("cumtime").print_stats(45)
