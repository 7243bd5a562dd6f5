"""The terminal: what is printed and asked there, and a bar for what takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from nodeseed.errors import Refused

PROGRESS_FROM = 200

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def confirm(question: str, yes: bool) -> None:
    """Ask, unless ``yes`` was said; raise Refused where the answer is no."""
    if not yes and not typer.confirm(question):
        raise Refused("nothing was changed")


@contextmanager
def progress_bar(what: str, every: int) -> Iterator[Callable[[int, int], None]]:
    """A bar, for what takes long enough to be worth one; it moves at each ``every``-th step."""
    bar = Progress(TextColumn(what), BarColumn(), MofNCompleteColumn(), console=err, transient=True)
    task = bar.add_task(what, total=None)

    def progress(done: int, total: int) -> None:
        if total >= PROGRESS_FROM // 25 * every and done % every == 0:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        if bar.live.is_started:
            bar.stop()
