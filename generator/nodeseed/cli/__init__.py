"""The command line: flags in, the library called, words out. Exit codes are those of ``errors``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Final

import typer

from nodeseed import __version__
from nodeseed.cli import files, lock, render
from nodeseed.cli.console import err, out
from nodeseed.errors import NodeseedError

app = typer.Typer(
    name="nodeseed",
    help="One cluster file in, one cloud-init user-data per machine out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it would print local variables, secrets among them
)

COMMANDS: Final[dict[str, Callable[..., None]]] = {  # in the order of --help
    "render": render.render,
    "publish": files.publish,
    "iso": files.iso,
    "bake": files.bake,
    "check": lock.check,
    "plan": lock.plan,
    "certs": lock.certs,
    "renew": lock.renew,
    "open": lock.open_window,
    "seal": lock.seal,
    "recover-lock": lock.recover_lock,
    "new": files.new,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"nodeseed {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; every foreseeable failure ends in one message and its exit code."""
    try:
        app()
    except NodeseedError as error:
        err.print(str(error), markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except Exception as error:  # values in a traceback could be secrets
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        err.print(
            f"nodeseed: unforeseen {type(error).__name__} at {where}; this is a bug in nodeseed, "
            "please report it with the command and this line",
            markup=False,
            soft_wrap=True,
        )
        sys.exit(NodeseedError.exit_code)
