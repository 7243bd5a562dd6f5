"""When each node did what, from its own journal: the data of the benchmark's picture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from nodeseed_lab.explain import OURS
from nodeseed_lab.machine import LabMachine

_SAID = re.compile(r"^nodeseed \S+: (?P<step>[a-z-]+): (?P<text>.*)$")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened on a node.

    Attributes:
        at: seconds since the first machine was switched on.
        step: the step of nodeseed's program that spoke, or the unit that systemd spoke of.
        text: what was said.
    """

    at: float
    step: str
    text: str


def moments(journal: str, began: float) -> Iterator[Moment]:
    """Read a journal (``journalctl --output=json``): what our steps said, when units came up.

    Args:
        journal: one JSON object per line.
        began: seconds since 1970 at which the first machine was switched on.
    """
    for line in journal.splitlines():
        entry = json.loads(line)
        text = entry.get("MESSAGE")
        if not isinstance(text, str):  # journald gives what is not UTF-8 as a list of bytes
            continue
        at = round(int(entry["__REALTIME_TIMESTAMP"]) / 1e6 - began, 2)
        said = _SAID.match(text)
        if said:
            yield Moment(at, said["step"], said["text"])
        elif OURS.match(entry.get("UNIT", "")):
            yield Moment(at, entry["UNIT"], text)


def timeline(machines: list[LabMachine], cluster: list[Moment], began: float) -> str:
    """Give the timeline of a whole cluster as JSON.

    Args:
        machines: its machines.
        cluster: what could be seen of it from outside.
        began: seconds since 1970 at which the first machine was switched on.
    """
    nodes = {
        machine.node: [
            asdict(moment)
            for moment in moments(
                machine.run(
                    *("journalctl", "--boot", "--output=json", "--no-pager"),
                    *("--identifier=systemd", "--identifier=python3"),
                    "--output-fields=MESSAGE,UNIT",
                ),
                began,
            )
        ]
        for machine in machines
    }
    document = {"cluster": [asdict(moment) for moment in cluster], "nodes": nodes}
    return json.dumps(document, indent=1) + "\n"
