"""Boots the machines by turns in both ways, says the medians and their ratio, draws a run of each.

Goals: all nodes Ready in at most 0.4 times the classical way's time, DNS answering in a pod in at
most 0.5 times.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import docker
from rich.console import Console
from rich.table import Table

from benchmarks.assembly import serial
from benchmarks.assembly.picture import Chart, picture
from benchmarks.assembly.stages import Stage, our_stages, serial_stages
from benchmarks.assembly.watch import Seen, watch
from nodeseed_lab.engine import connect
from nodeseed_lab.image import node_image
from nodeseed_lab.lab import Lab

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PICTURE = ROOT / "docs" / "assembly.svg"
OURS, SERIAL = "nodeseed", "kubeadm, serial"
TITLES = {
    OURS: "nodeseed: machines assemble themselves",
    SERIAL: "kubeadm init, then kubeadm join on one machine after another",
}
# What is measured, and the goal: at most so much of the classical way's time.
MEASURES = {"all nodes Ready": 0.4, "CoreDNS available": None, "DNS answers in a pod": 0.5}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one way.

    Attributes:
        way: OURS or SERIAL.
        seconds: each of MEASURES, since the first machine was switched on.
        ready: when each node was Ready.
        stages: what each node did when.
    """

    way: str
    seconds: dict[str, float]
    ready: dict[str, float]
    stages: dict[str, list[Stage]]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each way (default 3)")
    parser.add_argument("--way", choices=("both", "ours", "serial"), default="both")
    parser.add_argument("--draw", action="store_true", help=f"write {PICTURE.relative_to(ROOT)}")
    chosen = parser.parse_args()
    ways = {"both": (OURS, SERIAL), "ours": (OURS,), "serial": (SERIAL,)}[chosen.way]
    out = Console(highlight=False)
    client = connect(out.print)
    image = node_image(out.print)
    runs = []
    for number in range(chosen.runs):
        for way in ways:
            run = measure(way, image, client)
            runs.append(run)
            said = ", ".join(f"{what} {at:.1f} s" for what, at in run.seconds.items())
            out.print(f"run {number + 1}, {way}: {said}", soft_wrap=True)
            save(runs)
    out.print(table(runs))
    if chosen.draw:
        PICTURE.write_text(picture([chart(typical(runs, way)) for way in ways]), encoding="utf-8")


def save(runs: list[Run]) -> None:
    """Write what there is, so that an interrupted benchmark has not been for nothing."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps([asdict(run) for run in runs], indent=1)
    (RESULTS / "assembly.json").write_text(text, encoding="utf-8")


def of(runs: list[Run], way: str) -> list[Run]:
    return [run for run in runs if run.way == way]


def typical(runs: list[Run], way: str) -> Run:
    """The run of a way that was in the middle."""
    found = sorted(of(runs, way), key=lambda run: run.seconds["DNS answers in a pod"])
    return found[(len(found) - 1) // 2]


def chart(run: Run) -> Chart:
    """What the picture shows of a run."""
    return Chart(TITLES[run.way], run.seconds, run.ready, run.stages)


def table(runs: list[Run]) -> Table:
    """Medians, and what they are of each other."""
    shown = Table("median seconds until", OURS, SERIAL, "ratio", "goal", box=None)
    for what, goal in MEASURES.items():
        seconds = [[run.seconds[what] for run in of(runs, way)] for way in (OURS, SERIAL)]
        ours, theirs = (median(each) if each else None for each in seconds)
        shown.add_row(
            what,
            f"{ours:.1f}" if ours else "",
            f"{theirs:.1f}" if theirs else "",
            f"{ours / theirs:.2f}" if ours and theirs else "",
            f"{goal}" if goal else "",
        )
    return shown


@contextmanager
def machines(image: str, client: docker.DockerClient) -> Iterator[Lab]:
    """The lab's cluster under another name and on another subnet; gone in the end."""
    text = (ROOT / "clusters" / "lab.yaml").read_text(encoding="utf-8")
    text = text.replace("name: lab\n", "name: assembly\n", 1).replace("10.83.0.", "10.83.3.")
    with tempfile.TemporaryDirectory(prefix="nodeseed-assembly-") as folder:
        spec = Path(folder) / "assembly.yaml"
        spec.write_text(text, encoding="utf-8")
        lab = Lab(spec, Path(folder) / "out", image=image, client=client)
        lab.down()
        try:
            lab.render()
            yield lab
        finally:
            lab.down()


def measure(way: str, image: str, client: docker.DockerClient) -> Run:
    """Boot the machines, look until the cluster is there, ask the machines what they did."""
    with machines(image, client) as lab, ThreadPoolExecutor(1) as operator:
        if way == SERIAL:
            serial.prepare(lab)
        lab.boot()
        began = min(machine.started.timestamp() for machine in lab.machines.values())
        work: Future[None] = Future()
        if way == SERIAL:
            work = operator.submit(serial.join, lab, serial.initialise(lab))

        def going() -> None:
            if work.done():
                work.result()  # raises what stopped the operator

        seen = watch(lab.api, list(lab.machines), began, going)
        stages_of = serial_stages if way == SERIAL else our_stages
        return Run(
            way,
            dict(zip(MEASURES, rounded(seen), strict=True)),
            {name: round(at, 2) for name, at in seen.nodes.items()},
            {
                name: stages_of(machine, began, seen.nodes[name])
                for name, machine in lab.machines.items()
            },
        )


def rounded(seen: Seen) -> list[float]:
    return [round(at or 0, 1) for at in (seen.ready, seen.coredns, seen.dns)]


if __name__ == "__main__":
    main()
