"""What `up` shows while machines assemble: one line per node on a terminal, one per change else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.table import Table

CLUSTER = "cluster"

_ESCAPES = re.compile(r"\x1b(?:\][^\x07]*\x07|\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")
_SAID = re.compile(r"^nodeseed \S+: (?P<text>.*)$")
_CLOUD_INIT = re.compile(r"cloud-init\[\d+\]: (?P<text>Cloud-init .* (?:running|finished) .*)$")
_FAILED = re.compile(r"^\[FAILED\] (?P<text>.*)$")


def plain(text: str) -> str:
    """Give what a console shows, without colours and empty lines."""
    lines = (line.strip() for line in _ESCAPES.sub("", text).splitlines())
    return "\n".join(line for line in lines if line)


def heard(line: str) -> str | None:
    """Give what a line of a machine's console says of its assembling; None if it says nothing.

    That are the lines of nodeseed's units, the stages of cloud-init, and units that failed.
    """
    for pattern in (_SAID, _CLOUD_INIT, _FAILED):
        found = pattern.search(plain(line))
        if found:
            return found["text"]
    return None


class Screen:
    """The latest word of everybody; a context manager, since a terminal has to be given back.

    Args:
        console: where to show it.
        names: the nodes, in the order of their lines.
    """

    def __init__(self, console: Console, names: Iterable[str]) -> None:
        self._console = console
        self._began = time.monotonic()
        self._latest = dict.fromkeys((*names, CLUSTER), "")
        self._width = max(map(len, self._latest))
        self._live = Live(
            get_renderable=self._table, console=console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Screen:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def say(self, name: str, text: str) -> None:
        """Note what a node, or the cluster as a whole, says; the same again is no news."""
        if self._latest[name] == text:
            return
        self._latest[name] = text
        if not self._console.is_terminal:
            self._console.print(
                f"{self.seconds:7.1f} s  {name:<{self._width}}  {text}",
                markup=False,
                soft_wrap=True,
            )

    @property
    def seconds(self) -> float:
        """How long it has been shown."""
        return time.monotonic() - self._began

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold")
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, text in self._latest.items():
            table.add_row(name, text or "…", style="cyan" if name == CLUSTER else None)
        table.add_row("", f"{self.seconds:.0f} s")
        return table
