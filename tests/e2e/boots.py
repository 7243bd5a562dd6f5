"""What machines have done since they were switched on, and what they get when they are again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine
from tests.e2e.workload import eventually, items, ready


def steps_done(lab: Lab, *nodes: str) -> None:
    """Wait until machines that were switched on have done their steps: some come after Ready."""
    for node in nodes:
        machine = lab.machines[node]
        eventually(f"{node}: its steps are done", lambda m=machine: not undone(m), 180)


def settled(lab: Lab, *nodes: str) -> None:
    """Wait until machines that were switched on have done their steps, and all is ready again."""
    for node in nodes:
        steps_done(lab, node)
        machine = lab.machines[node]
        eventually(f"{node}: its kubelet has spoken", lambda m=machine: spoke(lab, m), 60)
    lab.wait_ready(180)
    eventually(
        "every pod is ready", lambda: all(map(ready, items(lab, "pods", "--all-namespaces"))), 180
    )


def undone(machine: LabMachine) -> str:
    """What of the node's target is not up yet; never empty before the target was started."""
    code, shown = machine.exec("systemctl", "is-active", "nodeseed-node.target")
    if code:
        return shown
    _, jobs = machine.exec("systemctl", "list-jobs", "--no-legend")
    return jobs


def spoke(lab: Lab, machine: LabMachine) -> bool:
    """Whether a node's kubelet has renewed its Lease since the machine was switched on."""
    lease = lab.api.get(
        f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{machine.node}"
    )
    return str(lease["spec"]["renewTime"]) > f"{machine.started:%Y-%m-%dT%H:%M:%S}"


@contextmanager
def spec_changed(lab: Lab, change: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Another cluster file for a while; machines get what is rendered when they start again."""
    text = lab.spec.read_text(encoding="utf-8")
    spec = yaml.safe_load(text)
    change(spec)
    lab.spec.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    try:
        yield
    finally:
        lab.spec.write_text(text, encoding="utf-8")


def no_user_data_kept(machine: LabMachine) -> None:
    """That cloud-init keeps no key, once the machine's own unit has been there."""
    eventually(
        f"{machine.node}: what cloud-init kept is removed",
        lambda: machine.exec("systemctl", "is-active", "--quiet", "nodeseed-scrub")[0] == 0,
        60,
    )
    # the seed folder is the medium itself; logs of containers go while grep looks (-s)
    places = ("/var/lib/cloud", "/run/cloud-init", "/var/lib/nodeseed", "/var/log")
    _, found = machine.exec("grep", "-rslE", "--exclude-dir=seed", "PRIVATE KEY|^EC ", *places)
    assert found == "", f"{machine.node}: {found}"


def ca_keys(machine: LabMachine) -> list[str]:
    """Where a machine has keys of CAs."""
    # folders of pods come and go meanwhile
    find = ("find", "/etc", "/var/lib", "/run", "-xdev", "-ignore_readdir_race")
    return machine.run(*find, "-name", "*ca.key").split()


def applied_again(machine: LabMachine) -> bool:
    """Whether cloud-init wrote user-data's files at this boot."""
    log = machine.read("/var/log/cloud-init.log")
    modules = re.findall(r"(\S+ \S+),\d+ .*config-write-files ran successfully", log)
    return bool(modules) and modules[-1] > f"{machine.started:%Y-%m-%d %H:%M:%S}"


def source(lab: Lab, node: str, place: str) -> str:
    """The device that a folder of a machine lies on."""
    shown = lab.machines[node].run("findmnt", "-no", "SOURCE", place)
    return shown.splitlines()[-1].partition("[")[0]
