"""etcd's members come back, wait and stay out by themselves, and lose nothing on the way."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from nodeseed import changes
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine
from tests.e2e import boots
from tests.e2e.etcd import gateway, has_the_data, members
from tests.e2e.workload import eventually


def says(machine: LabMachine, text: str) -> None:
    """Wait until the membership decision says something, and see that it stays with it."""
    eventually(f"{machine.node} says: {text}", lambda: machine.steps().get("etcd") == text, 90)
    time.sleep(5)
    assert machine.steps()["etcd"] == text
    assert machine.exec("pgrep", "-x", "etcd")[0] == 1


def rejoins(lab: Lab, node: str, old: str | None) -> None:
    """Wait until a node is a voting member again, under another ID, and does all its work."""
    eventually(
        f"{node} is a new voting member",
        lambda: len(now := members(lab)) == 3 and now[node] != old,
        180,
    )
    boots.settled(lab, node)
    assert has_the_data(lab.machines[node])


def test_a_control_plane_with_an_empty_disk_rejoins_by_itself(cluster: Lab) -> None:
    cluster.kubectl("create", "configmap", "kept")
    before = members(cluster)

    cluster.machines["cp-3"].wipe()

    rejoins(cluster, "cp-3", before["cp-3"])
    assert {**members(cluster), "cp-3": ""} == {**before, "cp-3": ""}


def test_an_empty_control_plane_that_is_cut_off_waits_in_and_after_the_window(
    cluster: Lab,
) -> None:
    machine = cluster.machines["cp-2"]
    before = members(cluster)["cp-2"]

    machine.wipe(cut_off=True)
    says(machine, "1 of 3 members up, waiting for 1 more")

    changes.seal(ClusterState(cluster.spec))
    cluster.render()
    machine.wipe(cut_off=True)
    says(machine, "1 of 3 members up, waiting for 1 more; the bootstrap window is closed")

    machine.reconnect()
    rejoins(cluster, "cp-2", before)


def replaced(spec: dict[str, Any]) -> None:
    """Another machine, which is not there yet, in the place of cp-3."""
    address = spec["nodes"][2]["address"].rpartition(".")[0] + ".14"
    spec["nodes"][2].update(name="cp-4", address=address)


def test_a_member_that_was_removed_on_purpose_stays_out(cluster: Lab, tmp_path: Path) -> None:
    """Until a newer cluster file has it again: then it joins as any new member does."""
    removed = cluster.machines["cp-3"]
    before = members(cluster)["cp-3"]
    older = shutil.copytree(cluster.out / "cp-3", tmp_path / "cp-3")
    with boots.spec_changed(cluster, replaced):
        cluster.render()
    shutil.copytree(older, cluster.out / "cp-3")
    cluster.machines["cp-1"].stop()
    cluster.machines["cp-1"].start()
    boots.settled(cluster, "cp-1")

    # etcd removes none before all have been connected for some seconds
    eventually(
        "the members let it go",
        lambda: bool(gateway(cluster.machines["cp-1"], "cluster/member/remove", {"ID": before})),
        30,
    )
    says(removed, "removed from the cluster; wipe the data disk to rejoin")

    removed.wipe()
    revision = json.loads(cluster.machines["cp-1"].read("/etc/nodeseed/config.json"))["etcd"][
        "membershipRevision"
    ]
    says(removed, f"the members have revision {revision}: boot with newer user-data")
    assert set(members(cluster)) == {"cp-1", "cp-2"}

    cluster.render()
    removed.wipe()
    rejoins(cluster, "cp-3", before)

    # and cp-1 hears that its peers are the old ones again
    cluster.machines["cp-1"].stop()
    cluster.machines["cp-1"].start()
    boots.settled(cluster, "cp-1")
