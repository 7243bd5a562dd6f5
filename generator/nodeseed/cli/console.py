"""The terminal: what is printed and asked there, and a bar for what takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from nodeseed.errors import Refused

T = TypeVar("T")

PROGRESS_FROM = 200

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def confirm(question: str, yes: bool) -> None:
    """Ask, unless ``yes`` was said; raise Refused where the answer is no, or there is none."""
    if not yes and not _answer(lambda: typer.confirm(question)):
        raise Refused("nothing was changed")


def ask(question: str, kind: type[T], default: T | None = None) -> T:
    """Ask for a value; raise Refused where there is no answer."""
    return _answer(lambda: cast("T", typer.prompt(question, default=default, type=kind)))


def _answer(asked: Callable[[], T]) -> T:
    try:
        return asked()
    except typer.Abort:  # the end of input, or Ctrl-C
        raise Refused("no answer: nothing was changed") from None


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
