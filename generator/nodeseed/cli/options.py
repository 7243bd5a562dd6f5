"""What commands are told in the same words: arguments, options, the environment and the clock."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from nodeseed.outputs.cluster_state import ClusterState

Spec = Annotated[Path, typer.Argument(help="The cluster file.", show_default=False)]
SeedFile = Annotated[
    Path | None,
    typer.Option(help="The seed; default: beside the cluster file. NODESEED_SEED wins over both."),
]
Rendered = Annotated[
    Path | None, typer.Option("--out", help="Where render wrote; default: out/NAME-OF-THE-FILE.")
]
SomeNodes = Annotated[list[str] | None, typer.Argument(metavar="NODE", help="Default: every node.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def state_of(spec: Path, seed_file: Path | None = None) -> ClusterState:
    """Cluster file, seed and lock, as arguments and environment name them."""
    identity = os.environ.get("NODESEED_AGE_IDENTITY")
    return ClusterState(
        spec,
        seed_file,
        seed_variable=os.environ.get("NODESEED_SEED"),
        identity=Path(identity) if identity else None,
    )


def output_folder(spec: Path, wanted: Path | None) -> Path:
    """The folder of a cluster's output."""
    return wanted or Path("out") / spec.stem


def now() -> datetime:
    """This machine's clock, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
