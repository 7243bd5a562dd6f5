"""``nodeseed render``, and the summary that it ends with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from nodeseed.cli.console import out, progress_bar
from nodeseed.cli.options import SeedFile, Spec, now, output_folder, state_of
from nodeseed.pipeline import Chance, Choices, Report, render_cluster
from nodeseed.pki.keys import generate_key

SHOWN_ROWS = 20


def render(
    spec: Spec,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Where to; default: out/NAME-OF-THE-FILE.")
    ] = None,
    seed_file: SeedFile = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Fail if the lock would change (for CI).")
    ] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Accept that this nodeseed renders differently.")
    ] = False,
    first: Annotated[
        bool, typer.Option("--first", help="This seed never rendered a cluster before.")
    ] = False,
) -> None:
    """Write every node's user-data, and admin.conf and terraform.tfvars.json for the cluster."""
    folder = output_folder(spec, out_folder)
    choices = Choices(out=folder, locked=locked, upgrade=upgrade, first=first)
    chance = Chance(now=now(), secret=os.urandom, generate_key=generate_key)
    with progress_bar("rendering", every=25) as progress:
        report = render_cluster(state_of(spec, seed_file), choices, chance, progress)
    _summary(report, folder)


def _summary(report: Report, folder: Path) -> None:
    platform = report.design.platform
    table = Table(box=None, pad_edge=False)
    for column, right in (
        ("node", False),
        ("role", False),
        ("bytes", True),
        ("of limit", True),
        ("first expiry", True),
    ):
        table.add_column(column, justify="right" if right else "left")
    for row in report.rows[:SHOWN_ROWS]:
        share = f"{row.size / platform.limit:.0%}" if platform.limit else "-"
        expiry = "-" if row.expires_in_days is None else f"in {row.expires_in_days} days"
        table.add_row(row.node, row.role, f"{row.size:,}", share, expiry)
    out.print(table)
    hidden = len(report.rows) - SHOWN_ROWS
    if hidden > 0:
        largest = max(report.rows[SHOWN_ROWS:], key=lambda row: row.size)
        out.print(
            f"… and {hidden} more, the largest of them {largest.node}: {largest.size:,} bytes"
        )
    out.print()
    for note in report.notes:
        out.print(note, soft_wrap=True)
    if report.design.cluster.pki.caKeysOnNodes == "none":
        out.print("No CA key lies on any node; kubelet certificates do not rotate by themselves.")
    if report.made_seed:
        out.print(
            f"[bold]{report.made_seed} is new and the only secret of this cluster: back it up "
            "now, and never commit it.[/bold] The lock beside it belongs in git.",
            soft_wrap=True,
        )
    if report.written or report.removed:
        gone = f", {report.removed} removed" if report.removed else ""
        out.print(f"{folder}: {report.written} files written{gone}.")
    else:
        out.print(f"{folder}: nothing changed.")
    if report.design.transport.remote:
        out.print("Machines can boot with it after: nodeseed publish")
