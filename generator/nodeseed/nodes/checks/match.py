"""What tells machines apart before they know their names, for a volume that serves many."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.machine import Machine


def match(whole: Whole) -> Iterator[Problem]:
    """Every machine is told from every other, or none is."""
    for index, pool in enumerate(whole.cluster.pools):
        if pool.match and len(pool.match) != pool.count:
            yield whole.problem(
                ("pools", index, "match"),
                f"{len(pool.match)} entries for {pool.count} machines",
                "write one for each machine in turn",
            )
            return
    told = [machine for machine in whole.machines if machine.match]
    if not told:
        return
    if whole.platform and not whole.platform.nocloud:
        yield whole.problem(
            told[0].path,
            f"match is for volumes, which {whole.platform.title} does not take",
            "take match out of every node",
        )
    for machine in whole.machines:
        if machine.match is None:
            yield whole.problem(
                machine.path,
                f"{machine.name} has no match, while {told[0].name} has one",
                "write mac, serial or uuid of every machine, or of none",
            )
    yield from _same(whole, told)


def _same(whole: Whole, told: list[Machine]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Machine] = {}
    for machine in told:
        marks = machine.match.marks() if machine.match else {}
        if not marks:
            yield whole.problem(
                machine.path, f"the match of {machine.name} is empty", "write mac, serial or uuid"
            )
        for mark in marks.items():
            other = seen.setdefault(mark, machine)
            if other is not machine:
                yield whole.problem(
                    machine.path,
                    f"{machine.name} has the {mark[0]} {mark[1]} of {other.name}",
                    "write what only this machine has",
                )
