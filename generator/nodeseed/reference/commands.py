"""docs/commands.md: the help of every command, as it prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from nodeseed import errors
from nodeseed.cli import app
from nodeseed.markdown import page, table

WIDTH = 100
_ENVIRONMENT = (
    ("NODESEED_SEED", "The seed itself; wins over any seed file."),
    ("NODESEED_AGE_IDENTITY", "A file with the age or SSH key that opens an encrypted seed."),
)


def text() -> str:
    """The page."""
    group: Any = typer.main.get_command(app)
    root = _plain(group, "nodeseed", None)
    parts = [f"```text\n{group.get_help(root)}\n```"]
    for name, command in group.commands.items():
        said = command.get_help(_plain(command, name, root))
        parts += [f"## nodeseed {name}", f"```text\n{said}\n```"]
    return page(
        "Commands",
        *parts,
        "## Environment",
        table(("Variable", "Meaning"), [(f"`{name}`", what) for name, what in _ENVIRONMENT]),
        "## Exit codes",
        table(("Code", "Meaning"), _exit_codes()),
    )


def _plain(command: Any, name: str, parent: Any) -> Any:
    """A context in which ``command`` shows its help without colours, in a fixed width."""
    command.rich_markup_mode = None
    return command.make_context(
        name,
        [],
        parent=parent,
        resilient_parsing=True,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )


def _exit_codes() -> Iterator[tuple[str, str]]:
    yield "0", "Success."
    yield "1", "Something unforeseen: a bug in nodeseed."
    yield "2", "A wrong command line."
    kinds = {getattr(errors, name) for name in errors.__all__} - {errors.Problem}
    leaves = [kind for kind in kinds if not kind.__subclasses__()]
    for kind in sorted(leaves, key=lambda kind: int(kind.exit_code)):
        yield str(kind.exit_code), (kind.__doc__ or "").strip()
