"""Commands that look at a cluster file and its lock, and those that change the lock."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from nodeseed import changes
from nodeseed.cli.console import ask, confirm, out
from nodeseed.cli.options import SeedFile, Spec, Yes, now, state_of
from nodeseed.nodes.warnings import warnings
from nodeseed.pipeline import prepare
from nodeseed.pki.dates import Dates


class Format(StrEnum):
    """How ``certs`` prints."""

    table = "table"
    json = "json"


def check(spec: Spec) -> None:
    """Check the cluster file, and say what the lock knows; writes nothing."""
    state = state_of(spec)
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
    elif lock.bootstrap.is_open(now()):
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


def plan(spec: Spec) -> None:
    """Say which nodes the next render would change; needs no seed and writes nothing."""
    state = state_of(spec)
    for line in changes.plan(state, now=now()):
        out.print(line, soft_wrap=True)
    for warning in warnings(prepare(state)):
        out.print(warning, soft_wrap=True)


def certs(
    spec: Spec,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """List every certificate with holder, issuer and days left, from the lock alone."""
    lock = state_of(spec).required_lock()
    found = Dates(lock).all(now())
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
        state_of(spec), nodes=node or [], classes=klass or [], new_keys=new_keys, now=now()
    )
    out.print(said, soft_wrap=True)


def open_window(spec: Spec, yes: Yes = False) -> None:
    """Open the bootstrap window: empty machines of the next render may form a new etcd cluster."""
    state = state_of(spec)
    design, lock = prepare(state), state.required_lock()
    confirm(
        f"Only if no etcd of cluster {lock.cluster} lives anywhere: machines that boot with the "
        "next render may form a NEW, EMPTY cluster. Open the window?",
        yes,
    )
    out.print(changes.open_window(state, design, now=now()), soft_wrap=True)


def seal(spec: Spec) -> None:
    """Close the bootstrap window: no machine forms a new etcd cluster any more."""
    out.print(changes.seal(state_of(spec)), soft_wrap=True)


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
        revision = ask("Highest revision that `nodeseed-status` shows on any node", int)
    if issued is None:
        issued = ask("Day of the first render (notBefore of ca.crt plus two days)", str)
    if generation is None:
        asked = ask("Nodes whose keys were replaced, as NODE=N, or nothing", str, "")
        generation = asked.split()
    said = changes.recover(
        state_of(spec, seed_file),
        revision=revision,
        issued=issued,
        generations=generation,
        now=now(),
    )
    out.print(said, soft_wrap=True)
