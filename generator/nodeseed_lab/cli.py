"""The lab's command line: ``nodeseed-lab up`` and what one does with a cluster afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nodeseed.errors import NodeseedError
from nodeseed_lab.engine import connect
from nodeseed_lab.explain import log
from nodeseed_lab.image import node_image
from nodeseed_lab.lab import READY_SECONDS, Lab
from nodeseed_lab.machine import LabMachine
from nodeseed_lab.screen import CLUSTER, Screen

app = typer.Typer(
    name="nodeseed-lab",
    help="Boot a cluster's machines as containers on this computer, from their very user-data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Spec = Annotated[Path, typer.Option("--spec", help="The cluster file.", envvar="NODESEED_LAB_SPEC")]
Node = Annotated[str, typer.Argument(help="The node's name.", show_default=False)]
LAB_SPEC = Path("clusters/lab.yaml")


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)


def _lab(spec: Path, image: str | None = None) -> Lab:
    return Lab(spec, Path("out") / spec.stem, image=image, client=connect(_say))


def _machine(spec: Path, node: str) -> LabMachine:
    lab = _lab(spec)
    if node not in lab.machines:
        raise typer.BadParameter(f"{spec} has no node {node}; it has {', '.join(lab.machines)}")
    return lab.machines[node]


@app.command()
def up(
    spec: Annotated[Path, typer.Argument(help="The cluster file.")] = LAB_SPEC,
    timeout: Annotated[
        int, typer.Option(min=1, help="Seconds until the cluster must be Ready.")
    ] = READY_SECONDS,
) -> None:
    """Render, boot every node at the same moment, and wait until the cluster is Ready."""
    connect(_say)
    lab = _lab(spec, node_image(_say))
    lab.render()
    _say(f"{spec}: rendered into {lab.out}; starting {len(lab.machines)} machines at once")
    with Screen(out, lab.machines) as screen:
        lab.boot()
        lab.listen(screen.say)
        screen.say(CLUSTER, "machines are on")
        lab.wait_ready(timeout, screen.say)
        seconds = screen.seconds
    _say(f"Every node is Ready, {seconds:.0f} s after the machines were switched on.")
    _say(lab.kubectl("get", "nodes", "--output=wide").rstrip())
    _say(f"What each node did when: {lab.save_timeline()}")
    _say("Next: nodeseed-lab kubectl -- get pods -A; nodeseed-lab status; nodeseed-lab down")


@app.command()
def status(spec: Spec = LAB_SPEC) -> None:
    """Say of every machine whether it runs, and what its steps said last."""
    lab = _lab(spec)
    table = Table(box=None, pad_edge=False)
    for column in ("node", "machine", "step", "said last"):
        table.add_column(column)
    for name, machine in lab.machines.items():
        state = machine.state
        steps = machine.steps() if state == "running" else {}
        for number, (step, text) in enumerate(steps.items() or [("", "")]):
            table.add_row(*((name, state) if number == 0 else ("", "")), step, text)
    out.print(table)
    _say(lab.api.missing(lab.kubelets) or "Every node is Ready, and CoreDNS is available.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def kubectl(context: typer.Context, spec: Spec = LAB_SPEC) -> None:
    """Run kubectl as the operator, through the load balancer: kubectl -- get nodes."""
    done = subprocess.run(_lab(spec).api.kubectl_command(*context.args), check=False)
    raise typer.Exit(done.returncode)


@app.command()
def shell(node: Node, spec: Spec = LAB_SPEC) -> None:
    """Open a shell on a node."""
    container = _machine(spec, node).container
    command = ["docker", "exec", "--interactive"]
    if sys.stdin.isatty():
        command.append("--tty")
    done = subprocess.run([*command, str(container.name), "/bin/bash", "-l"], check=False)
    raise typer.Exit(done.returncode)


@app.command()
def logs(
    node: Node,
    unit: Annotated[str | None, typer.Argument(help="A unit; default: the console.")] = None,
    lines: Annotated[int, typer.Option(min=1, help="How many lines at most.")] = 200,
    spec: Spec = LAB_SPEC,
) -> None:
    """Print what a node said on its console, or the log of one of its units."""
    machine = _machine(spec, node)
    if unit is None:
        sys.stdout.buffer.write(machine.container.logs(tail=lines))
    else:
        _say(log(machine, unit, lines).rstrip())


@app.command()
def down(spec: Spec = LAB_SPEC) -> None:
    """Remove all machines with all that they hold; seed, lock and output stay."""
    lab = _lab(spec)
    lab.down()
    _say(f"{lab.name}: gone.")


def _deed(what: Callable[[LabMachine], None], done: str, description: str) -> None:
    def command(node: Node, spec: Spec = LAB_SPEC) -> None:
        what(_machine(spec, node))
        _say(f"{node}: {done}.")

    command.__doc__ = description
    app.command(what.__name__.replace("_", "-"))(command)


for _row in (
    (LabMachine.start, "on", "Switch a node on."),
    (LabMachine.stop, "shut down", "Shut a node down, as its power button does."),
    (LabMachine.kill, "off", "Pull a node's plug."),
    (LabMachine.wipe, "empty, and on", "Put an empty machine in a node's place, and start it."),
    (LabMachine.cut_off, "cut off", "Let no packet in or out of a node."),
    (LabMachine.reconnect, "connected", "Undo cut-off."),
):
    _deed(*_row)


@app.command()
def image() -> None:
    """Build the image that nodes boot, as far as it is not there yet, and print its tag."""
    connect(_say)
    _say(node_image(_say))


def main() -> None:
    """Run the command line; what could be foreseen ends in one message and its exit code."""
    try:
        app()
    except NodeseedError as error:
        err.print(str(error), markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print(
            "Interrupted; machines that were started go on. To remove them: nodeseed-lab down"
        )
        sys.exit(130)
