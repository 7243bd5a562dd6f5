"""Why a machine is not where it should be: the unit, and the lines of its log that say it."""

from __future__ import annotations

import re

from nodeseed_lab.machine import LabMachine
from nodeseed_lab.screen import plain

LINES = 6
# Units of a machine that have something to say about a cluster.
OURS = re.compile(
    r"^(nodeseed|etcd|kubelet|containerd|haproxy|keepalived|cloud-|link-).*\.service$"
)
_KLOG_ERROR = re.compile(r'^[EF]\d{4} .*?\] "(?P<what>[^"]*)"')


def explain(machine: LabMachine) -> list[str]:
    """Give the lines that explain what a machine waits for, or why it failed."""
    state = machine.state
    if state == "absent":
        return [f"{machine.node}: there is no container"]
    if state != "running":
        console = plain(machine.container.logs(tail=2 * LINES).decode(errors="replace"))
        return [
            f"{machine.node}: its container is {state}; the last lines of its console",
            *_indented(console),
        ]
    _, listed = machine.exec(
        *("systemctl", "list-units", "--all", "--plain", "--no-legend", "--full"),
        *("--type=service", "--state=failed,activating"),
    )
    units = unfinished(listed)
    if not units:
        return [
            f"{machine.node}: every unit is up; the kubelet's last errors",
            *_indented("\n".join(errors(log(machine, "kubelet.service", lines=2000)))),
        ]
    lines = []
    for unit, state in units.items():
        lines += [f"{machine.node}: {unit} is {state}", *_indented(log(machine, unit))]
    return lines


def log(machine: LabMachine, unit: str, lines: int = LINES) -> str:
    """Give the last lines of a unit's log."""
    _, text = machine.exec(
        "journalctl", f"--unit={unit}", "--output=cat", "--no-pager", f"--lines={lines}"
    )
    return text


def unfinished(listed: str) -> dict[str, str]:
    """Give the units of ours in a list of systemctl, each with what systemd says of it."""
    found = {}
    for line in listed.splitlines():
        unit, _, active, sub, *_ = line.split(maxsplit=4)
        if OURS.match(unit):
            found[unit] = active if active == sub else f"{active} ({sub})"
    return found


def errors(text: str) -> list[str]:
    """Give the last errors of a log of Kubernetes, each once; its last lines if there is none."""
    lines = text.splitlines()
    latest: dict[str, str] = {}
    for line in lines:
        error = _KLOG_ERROR.match(line)
        if error:
            latest.pop(error["what"], None)
            latest[error["what"]] = line
    return list(latest.values())[-LINES:] or lines[-LINES:]


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.strip().splitlines()]
