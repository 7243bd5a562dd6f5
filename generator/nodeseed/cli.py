"""The command line: flags in, the library called, words out. Exit codes are those of ``errors``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from nodeseed import __version__, changes
from nodeseed.bake import bake as bake_image
from nodeseed.errors import NodeseedError, OutputError, Refused
from nodeseed.images import write_images, write_shared_image
from nodeseed.nodes.transport import deletes_after_read
from nodeseed.nodes.warnings import warnings
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.outputs.files import write_public
from nodeseed.outputs.publication import load_index
from nodeseed.outputs.publish import Wishes
from nodeseed.outputs.publish import publish as publish_payloads
from nodeseed.outputs.stores import aws_store
from nodeseed.pipeline import Chance, Choices, Report, prepare, render_cluster
from nodeseed.pki.dates import Dates
from nodeseed.pki.keys import generate_key
from nodeseed.spec.fields import dns_label
from nodeseed.spec.starter import starter

SHOWN_ROWS = 20
PROGRESS_FROM = 200

app = typer.Typer(
    name="nodeseed",
    help="One cluster file in, one cloud-init user-data per machine out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it would print local variables, secrets among them
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

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


class Format(StrEnum):
    """How ``certs`` prints."""

    table = "table"
    json = "json"


def _state(spec: Path, seed_file: Path | None = None) -> ClusterState:
    identity = os.environ.get("NODESEED_AGE_IDENTITY")
    return ClusterState(
        spec,
        seed_file,
        seed_variable=os.environ.get("NODESEED_SEED"),
        identity=Path(identity) if identity else None,
    )


def _output(spec: Path, wanted: Path | None) -> Path:
    """The folder of a cluster's output."""
    return wanted or Path("out") / spec.stem


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _confirm(question: str, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        raise Refused("nothing was changed")


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


@app.command()
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
    folder = _output(spec, out_folder)
    choices = Choices(out=folder, locked=locked, upgrade=upgrade, first=first)
    chance = Chance(now=_now(), secret=os.urandom, generate_key=generate_key)
    with _progress("rendering", every=25) as progress:
        report = render_cluster(_state(spec, seed_file), choices, chance, progress)
    _summary(report, folder)


@contextmanager
def _progress(what: str, every: int) -> Iterator[Callable[[int, int], None]]:
    """A bar, for what takes long enough to be worth one."""
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


@app.command()
def publish(
    spec: Spec,
    nodes: SomeNodes = None,
    out_folder: Rendered = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read everything back and compare it.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what the last render does not need; asks.")
    ] = False,
    everyone: Annotated[
        bool,
        typer.Option(
            "--all", help="Every node; to be said where nodes delete their payloads (or name some)."
        ),
    ] = False,
    yes: Yes = False,
) -> None:
    """Upload the payloads of the last render to the store that `transport:` names."""
    state = _state(spec)
    design, lock = prepare(state), state.required_lock()
    if not design.transport.remote:
        out.print("transport: inline: the user-data is all there is; nothing to publish.")
        return
    folder = _output(spec, out_folder)
    index = load_index(design, folder, lock.revision)
    if deletes_after_read(design) and not (nodes or everyone or dry_run):
        raise Refused(
            "transport.deleteAfterRead: machines that run have deleted their payloads, and would "
            "leave new ones in the store; name the machines that are to boot (nodeseed publish "
            "CLUSTER.yaml NODE), or say --all before the first boot"
        )
    if prune and not dry_run:
        _confirm(
            "Machines that still have an older user-data could not boot anew from an empty disk. "
            "Remove what the last render does not need?",
            yes,
        )
    wishes = Wishes(dry_run=dry_run, verify=verify, prune=prune, nodes=tuple(nodes or ()))
    with _progress("publishing", every=1) as progress:
        done = publish_payloads(index, folder, aws_store(index["transport"]), wishes, progress)
    verb = "would be uploaded" if dry_run else "uploaded"
    if dry_run:
        for name in [*done.uploaded, *(f"{name} (stale)" for name in done.stale if prune)]:
            out.print(name, soft_wrap=True)
    said = [f"{len(done.uploaded)} of {done.total} parts {verb}"]
    if done.verified:
        said.append(f"{done.verified} read back and found right")
    if done.stale and prune:
        said.append(f"{len(done.stale)} stale ones {'would be ' if dry_run else ''}removed")
    elif done.stale:
        said.append(f"{len(done.stale)} of older renders stay (--prune removes them)")
    out.print(f"{design.transport.title}: {', '.join(said)}.", soft_wrap=True)


@app.command()
def iso(
    spec: Spec,
    nodes: SomeNodes = None,
    out_folder: Rendered = None,
    shared: Annotated[
        bool,
        typer.Option("--shared", help="One image; each machine finds its part by `match`."),
    ] = False,
) -> None:
    """Pack what render wrote into NoCloud images: one for each node, or one for all."""
    state, folder, names = _state(spec), _output(spec, out_folder), nodes or []
    if not shared:
        for path in write_images(state, folder, names):
            out.print(f"{path}: attach it to this machine, or write it to a USB stick")
        return
    path = write_shared_image(state, folder, names)
    out.print(
        f"{path}: write it to a USB stick. It holds the keys of every machine in it: keep it as "
        "you keep the seed. Each machine takes its own part and restarts once.",
        soft_wrap=True,
    )


@app.command()
def bake(
    spec: Spec,
    platform: Annotated[
        str | None, typer.Option(help="For which platform; default: the cluster file's.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="The image's name; default: nodeseed- and the Kubernetes release."),
    ] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option("--var", help="NAME=VALUE, a variable of packer/*.pkr.hcl; repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only let Packer check templates and variables.")
    ] = False,
) -> None:
    """Bake an image that holds all that the machines run, by Packer; first boot fetches nothing."""
    said = bake_image(
        _state(spec),
        Path("out") / "images",
        platform=platform,
        name=name,
        variables=dict(_pairs(variable or [])),
        only_check=dry_run,
    )
    out.print(said, soft_wrap=True)


def _pairs(given: list[str]) -> Iterator[tuple[str, str]]:
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text}: must be NAME=VALUE")
        yield name, value


@app.command()
def check(spec: Spec) -> None:
    """Check the cluster file, and say what the lock knows; writes nothing."""
    state = _state(spec)
    design = prepare(state)
    out.print(
        f"{spec}: {len(design.machines)} nodes, {len(design.control_planes)} control planes, "
        f"{len(design.etcd_members)} etcd members on {design.platform.title}: good."
    )
    for pool in design.pools:
        if pool.elastic:
            out.print(
                f"Elastic pool {pool.name}: {pool.elastic.min} to {pool.elastic.max} machines."
            )
    lock = state.lock()
    if lock is None:
        out.print("Not rendered yet: the first render opens the bootstrap window.")
    elif lock.bootstrap.is_open(_now()):
        out.print(f"A new etcd cluster may form until {lock.bootstrap.until}.")
    else:
        out.print("No new etcd cluster may form (the bootstrap window is closed).")
    if design.cluster.pki.caKeysOnNodes == "none":
        out.print(
            "No CA key lies on any node: kubelet client certificates do not rotate, CSRs are not "
            "signed, `kubeadm certs renew` skips; renew here before they expire.",
            soft_wrap=True,
        )
    for warning in warnings(design):
        out.print(warning, soft_wrap=True)


@app.command()
def plan(spec: Spec) -> None:
    """Say which nodes the next render would change; needs no seed and writes nothing."""
    state = _state(spec)
    for line in changes.plan(state, now=_now()):
        out.print(line, soft_wrap=True)
    for warning in warnings(prepare(state)):
        out.print(warning, soft_wrap=True)


@app.command()
def certs(
    spec: Spec,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """List every certificate with holder, issuer and days left, from the lock alone."""
    lock = _state(spec).required_lock()
    found = Dates(lock).all(_now())
    if output is Format.json:
        rows = [
            {**asdict(row), "not_after": row.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")}
            for row in found
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("certificate", "holder", "issuer", "expires"):
        table.add_column(column)
    table.add_column("days left", justify="right")
    for row in found:
        style = "red" if row.days < 60 else "yellow" if row.days < 180 else None
        table.add_row(
            row.certificate,
            row.holder,
            row.issuer,
            f"{row.not_after:%Y-%m-%d}",
            str(row.days),
            style=style,
        )
    out.print(table)


@app.command()
def renew(
    spec: Spec,
    node: Annotated[
        list[str] | None, typer.Option(help="Only this node or elastic pool; repeatable.")
    ] = None,
    klass: Annotated[
        list[str] | None, typer.Option("--class", help="server, client, peer or kubelet.")
    ] = None,
    new_keys: Annotated[
        bool, typer.Option("--new-keys", help="With --node: new keys too (revokes nothing).")
    ] = False,
) -> None:
    """Issue certificates anew from today on; the next render writes them. CAs stay."""
    said = changes.renew(
        _state(spec), nodes=node or [], classes=klass or [], new_keys=new_keys, now=_now()
    )
    out.print(said, soft_wrap=True)


@app.command("open")
def open_window(spec: Spec, yes: Yes = False) -> None:
    """Open the bootstrap window: empty machines of the next render may form a new etcd cluster."""
    state = _state(spec)
    design, lock = prepare(state), state.required_lock()
    _confirm(
        f"Only if no etcd of cluster {lock.cluster} lives anywhere: machines that boot with the "
        "next render may form a NEW, EMPTY cluster. Open the window?",
        yes,
    )
    out.print(changes.open_window(state, design, now=_now()), soft_wrap=True)


@app.command()
def seal(spec: Spec) -> None:
    """Close the bootstrap window: no machine forms a new etcd cluster any more."""
    out.print(changes.seal(_state(spec)), soft_wrap=True)


@app.command("recover-lock")
def recover_lock(
    spec: Spec,
    seed_file: SeedFile = None,
    revision: Annotated[
        int | None, typer.Option(min=0, help="The highest revision that any node shows.")
    ] = None,
    issued: Annotated[str | None, typer.Option(help="Day of the first render, YYYY-MM-DD.")] = None,
    generation: Annotated[
        list[str] | None,
        typer.Option(help="NODE=N where a node's keys were replaced; repeatable."),
    ] = None,
) -> None:
    """Make a lost lock again from cluster file and seed; the bootstrap window stays closed."""
    if revision is None:
        revision = typer.prompt(
            "Highest revision that `nodeseed-status` shows on any node", type=int
        )
    if issued is None:
        issued = typer.prompt("Day of the first render (notBefore of ca.crt plus two days)")
    if generation is None:
        asked = typer.prompt("Nodes whose keys were replaced, as NODE=N, or nothing", default="")
        generation = asked.split()
    said = changes.recover(
        _state(spec, seed_file),
        revision=revision,
        issued=issued,
        generations=generation,
        now=_now(),
    )
    out.print(said, soft_wrap=True)


@app.command()
def new(name: Annotated[str, typer.Argument(help="The cluster's name, a DNS label.")]) -> None:
    """Write a commented cluster file NAME.yaml to start from."""
    try:
        dns_label(name)
    except Exception as error:
        raise typer.BadParameter(str(error)) from None
    path = Path(f"{name}.yaml")
    if path.exists():
        raise OutputError(f"{path}: is already there; nothing was written")
    write_public(path, starter(name).encode())
    out.print(f"{path}: edit it, then: nodeseed render {path}")


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
