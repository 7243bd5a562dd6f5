"""What each node did when, and what it waited for: from its journal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.assembly.serial import UNIT
from nodeseed_lab.machine import LabMachine
from nodeseed_lab.timeline import Moment, moments

BOOT, PREPARE, WAIT, ETCD, API, CLUSTER, KUBELET = KINDS = (
    "boot",
    "prepare",
    "wait",
    "etcd",
    "api",
    "cluster",
    "kubelet",
)

# How the stages of our nodes begin: the step or unit that speaks, the start of what it says.
OURS: tuple[tuple[str, str, str, str], ...] = (
    ("nodeseed-install.service", "Starting", PREPARE, "install, check the machine, routes"),
    ("etcd.service", "Starting", WAIT, "wait for etcd's other members"),
    ("etcd", "forming", ETCD, "etcd: quorum, leader"),
    ("etcd.service", "Started", API, "API server"),
    ("nodeseed-cluster.service", "Starting", CLUSTER, "addons, bindings, mark"),
    ("nodeseed-wait-api.service", "Starting", WAIT, "wait for the API"),
    ("wait-api", "the API answers", KUBELET, "kubelet registers"),
    ("nodeseed-cluster.service", "Finished", WAIT, "wait for the load balancer"),
)
# The same for kubeadm, which says its phase in brackets.
KUBEADM: dict[str, str] = {
    "init": PREPARE,
    "preflight": PREPARE,
    "download-certs": PREPARE,
    "certs": PREPARE,
    "kubeconfig": PREPARE,
    "etcd": ETCD,
    "control-plane": API,
    "wait-control-plane": API,
    "control-plane-check": API,
    "kubelet-start": KUBELET,
    "kubelet-check": KUBELET,
    "upload-config": CLUSTER,
    "upload-certs": CLUSTER,
    "mark-control-plane": CLUSTER,
    "bootstrap-token": CLUSTER,
    "addons": CLUSTER,
}
_PHASE = re.compile(r"^\[([a-z-]+)\]")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of a node's time.

    Attributes:
        start: seconds since the first machine was switched on.
        end: likewise.
        kind: one of KINDS.
        text: what the node did, or waited for.
    """

    start: float
    end: float
    kind: str
    text: str


def our_stages(machine: LabMachine, began: float, ready: float) -> list[Stage]:
    """The stages of a node that assembled itself.

    Args:
        machine: the node.
        began: seconds since 1970 when the first machine was switched on.
        ready: when the node was Ready.
    """
    journal = machine.run(
        *("journalctl", "--boot", "--output=json", "--no-pager"),
        *("--identifier=systemd", "--identifier=python3", "--output-fields=MESSAGE,UNIT"),
    )
    return list(between(our_beginnings(moments(journal, began)), ready))


def our_beginnings(said: Iterable[Moment]) -> Iterator[Stage]:
    """Stages, so far without an end, of what a node of ours said."""
    begun = set()
    for moment in said:
        for row in OURS:
            step, text, kind, meaning = row
            if row not in begun and moment.step == step and moment.text.startswith(text):
                begun.add(row)
                yield Stage(moment.at, moment.at, kind, meaning)


def serial_stages(machine: LabMachine, began: float, ready: float) -> list[Stage]:
    """The stages of a node that an operator ran kubeadm on; arguments as :func:`our_stages`."""
    journal = machine.run(
        *("journalctl", "--boot", "--output=json", "--no-pager", "--output-fields=MESSAGE,UNIT"),
        *("--identifier=systemd", "--identifier=kubeadm"),
    )
    return list(between(kubeadm_beginnings(journal, began), ready))


def kubeadm_beginnings(journal: str, began: float) -> Iterator[Stage]:
    """Stages, so far without an end, of a journal with what kubeadm said."""
    for line in journal.splitlines():
        entry = json.loads(line)
        text = str(entry.get("MESSAGE", ""))
        at = round(int(entry["__REALTIME_TIMESTAMP"]) / 1e6 - began, 2)
        phase = _PHASE.match(text)
        if entry.get("UNIT") == "cloud-final.service" and text.startswith("Finished"):
            yield Stage(at, at, WAIT, "wait for its turn")
        elif entry.get("UNIT") == f"{UNIT}.service" and text.startswith("Started"):
            yield Stage(at, at, PREPARE, "kubeadm preflight")
        elif entry.get("UNIT") == f"{UNIT}.service" and "Deactivated" in text:
            yield Stage(at, at, KUBELET, "until Ready")
        elif phase and phase[1] in KUBEADM:
            yield Stage(at, at, KUBEADM[phase[1]], f"kubeadm {phase[1]}")


def between(beginnings: Iterable[Stage], ready: float) -> Iterator[Stage]:
    """Let each stage last until the next of another kind; the last one until the node is Ready."""
    whole = [Stage(0, 0, BOOT, "systemd, cloud-init")]
    for stage in beginnings:
        if stage.kind != whole[-1].kind:
            whole.append(stage)
    whole.append(Stage(max(ready, whole[-1].start), ready, "end", ""))
    for stage, following in pairwise(whole):
        if following.start > stage.start:
            yield Stage(stage.start, following.start, stage.kind, stage.text)
