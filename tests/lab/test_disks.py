"""Data disks of the lab's machines: those that the cluster file names by an ID."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nodeseed_lab.containers import node_body
from nodeseed_lab.disks import PLUG, disk_names, disk_volume
from tests.conftest import design_of
from tests.nodes.disks import storage

DISKS = storage(
    etcd={"raid": {"level": 1, "disks": [{"id": "a"}, {"path": "/dev/disk/by-id/b"}]}},
    containers={"disk": {"ids": {"worker-1": "c"}}, "roles": ["worker"]},
    classes=[
        {
            "type": "local",
            "volumes": [
                {"node": "worker-1", "path": "/dev/disk/by-id/d", "size": "1Gi"},
                {"node": "worker-1", "path": "/srv", "size": "1Gi"},
            ],
        }
    ],
)


def test_each_machine_has_the_disks_that_are_named_for_it() -> None:
    design = design_of(DISKS)
    assert [disk_names(design, machine) for machine in design.machines] == [
        *[("a", "b")] * 3,
        ("c", "d"),
    ]


def test_they_lie_on_one_volume_so_that_they_can_move() -> None:
    for design, wanted in ((design_of(DISKS), ["test-disks:/disks"]), (design_of(), [])):
        for machine in design.machines:
            body = node_body(design, machine, image="node:1", seed=Path("/out"), labels={})
            binds = [bind for bind in body["HostConfig"]["Binds"] if "/disks" in bind]
            assert binds == wanted
        assert disk_volume(design) == (wanted[0].partition(":")[0] if wanted else None)


def test_what_attaches_them_is_a_shell_script() -> None:
    subprocess.run(["sh", "-n"], input=PLUG, text=True, check=True)
