"""Commands that make files, or bring them to where machines find them; but for ``render``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError

from nodeseed.bake import bake as bake_image
from nodeseed.cli.console import confirm, out, progress_bar
from nodeseed.cli.options import Rendered, SomeNodes, Spec, Yes, output_folder, state_of
from nodeseed.errors import OutputError, Refused
from nodeseed.images import write_images, write_shared_image
from nodeseed.nodes.transport import deletes_after_read
from nodeseed.outputs.files import write_public
from nodeseed.outputs.publication import load_index
from nodeseed.outputs.publish import Wishes
from nodeseed.outputs.publish import publish as publish_payloads
from nodeseed.outputs.stores import aws_store
from nodeseed.pipeline import prepare
from nodeseed.spec.fields import dns_label
from nodeseed.spec.starter import starter


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
    state = state_of(spec)
    design, lock = prepare(state), state.required_lock()
    if not design.transport.remote:
        out.print("transport: inline: the user-data is all there is; nothing to publish.")
        return
    folder = output_folder(spec, out_folder)
    index = load_index(design, folder, lock.revision)
    if deletes_after_read(design) and not (nodes or everyone or dry_run):
        raise Refused(
            "transport.deleteAfterRead: machines that run have deleted their payloads, and would "
            "leave new ones in the store; name the machines that are to boot (nodeseed publish "
            "CLUSTER.yaml NODE), or say --all before the first boot"
        )
    if prune and not dry_run:
        confirm(
            "Machines that still have an older user-data could not boot anew from an empty disk. "
            "Remove what the last render does not need?",
            yes,
        )
    wishes = Wishes(dry_run=dry_run, verify=verify, prune=prune, nodes=tuple(nodes or ()))
    with progress_bar("publishing", every=1) as progress:
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
    state, folder, names = state_of(spec), output_folder(spec, out_folder), nodes or []
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
        state_of(spec),
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


def new(name: Annotated[str, typer.Argument(help="The cluster's name, a DNS label.")]) -> None:
    """Write a commented cluster file NAME.yaml to start from."""
    try:
        dns_label(name)
    except PydanticCustomError as refused:
        raise typer.BadParameter(str(refused)) from None
    path = Path(f"{name}.yaml")
    if path.exists():
        raise OutputError(f"{path}: is already there; nothing was written")
    write_public(path, starter(name).encode())
    out.print(f"{path}: edit it, then: nodeseed render {path}")
