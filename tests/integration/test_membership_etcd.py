"""The membership decision with real etcd members, through losses and cuts."""

from __future__ import annotations

import base64
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nodeseed_lab.programs import program
from nodeseed_node.member import KEY, client, coded, disk_member, gateway, recorded
from nodeseed_node.promote import promote
from tests.integration.etcd_members import (
    Lab,
    Node,
    eventually,
    formed,
    has,
    number,
    put,
    remove,
    voters,
)


def test_members_form_a_cluster_in_any_order_however_late(lab: Lab) -> None:
    one, two, three = lab.three()
    three.start()
    eventually(lambda: three.waits == "1 of 3 members up, waiting for 1 more")
    one.start()
    eventually(lambda: voters(lab, one) == {"m1", "m3"})
    two.start()
    eventually(lambda: voters(lab, two) == {"m1", "m2", "m3"})
    assert "joining" in two.lines


@pytest.mark.parametrize("release", ["etcd-3.5", "etcd-3.6", "etcd-3.7"])
def test_the_log_on_the_disk_tells_who_it_belongs_to(tmp_path: Path, release: str) -> None:
    lab = Lab(tmp_path, program(release))
    node = lab.add("m1", ("m1",))
    assert disk_member(node) is None
    try:
        node.start()
        eventually(lambda: voters(lab, node) == {"m1"})
        assert disk_member(node) == lab.list(node)[0]["ID"]
        assert promote(node) == 0
        assert promote(node) == 0
        assert recorded(node, client(node.url)) == 1
        found = gateway(node, client(node.url), "kv/range", {"key": coded(KEY)})["kvs"][0]
        text = base64.b64decode(found["value"]).decode()
        assert text == '000000001 {"m1": "https://127.0.1.1:2380"}'
        assert found["version"] == "2"  # the same list may be written again
    finally:
        node.stop()


def test_nothing_forms_without_clock_or_window(lab: Lab) -> None:
    one, two, three = lab.three()
    closed = lab.add("m2", ("m1", "m2", "m3"), until="2021-01-01T00:00:00Z")
    one.trusted = False
    one.start()
    closed.start()
    eventually(lambda: one.waits == "the clock is not synchronised")
    eventually(lambda: closed.waits.startswith("the bootstrap window is closed"))
    three.start()
    eventually(lambda: three.waits.startswith("forming"))
    del two


def test_a_wiped_member_replaces_itself(lab: Lab) -> None:
    one, two, three = formed(lab)
    old = number(lab, one, "m3")
    three.stop()
    three.wipe()
    three.start()
    eventually(lambda: "replacing the old m3" in three.lines)
    assert promote(three) == 0
    eventually(lambda: voters(lab, three) == {"m1", "m2", "m3"})
    # promotion is asked for again: this was no boot
    assert three.commands[-1] == (*("systemctl", "--no-block", "restart", "nodeseed-etcd-promote"),)
    assert old not in {m["ID"] for m in lab.list(one)}
    assert has(three, "before")
    assert has(two, "before")


def test_a_wiped_member_in_a_partition_waits_and_nothing_is_lost(lab: Lab) -> None:
    """m1 misses 20 keys, m3 loses its disk while m2 is down: m1 and m3 must not go on alone."""
    one, two, three = formed(lab)
    one.stop()
    eventually(lambda: voters(lab, two) == {"m1", "m2", "m3"})
    for i in range(20):
        put(two, f"key-{i}")
    two.stop()
    three.stop()
    three.wipe()
    three.start()
    eventually(lambda: three.waits == "1 of 3 members up, waiting for 1 more")
    one.start()
    eventually(lambda: three.waits == "m1 has data; waiting for a healthy etcd quorum")
    two.start()
    eventually(lambda: "replacing the old m3" in three.lines)
    assert promote(three) == 0
    assert all(has(three, f"key-{i}") for i in range(20))


def test_a_removed_member_stays_out_until_it_is_wiped(lab: Lab) -> None:
    one, _, three = formed(lab)
    old = number(lab, one, "m3")
    eventually(lambda: remove(one, old))
    said = "removed from the cluster; wipe the data disk to rejoin"
    eventually(lambda: three.waits == said)
    three.stop()
    three.start()
    eventually(lambda: three.lines[-1] == said)
    three.stop()
    three.wipe()
    three.start()
    assert promote(three) == 0
    eventually(lambda: voters(lab, one) == {"m1", "m2", "m3"})


def test_growth_and_then_older_user_data_changes_nothing(lab: Lab) -> None:
    one, _, three = formed(lab)
    four = lab.add("m4", ("m1", "m2", "m3", "m4"), 2, until=None, token="another")
    four.start()
    assert promote(four) == 0
    assert voters(lab, four) == {"m1", "m2", "m3", "m4"}
    assert has(four, "before")
    assert one.config["etcd"]["membershipRevision"] == 1
    three.stop()
    three.wipe()
    three.start()
    newer = "the members have revision 2: boot with newer user-data"
    eventually(lambda: three.waits == newer)


def test_all_lose_power_and_come_back_whatever_the_window(lab: Lab) -> None:
    nodes = formed(lab)
    for node in nodes:
        node.stop()
        node.write(
            "etc/nodeseed/config.json",
            json.dumps({**node.config, "etcd": {**node.config["etcd"], "until": None}}),
        )
        node.trusted = False
    nodes[2].start()
    eventually(lambda: nodes[2].lines[-1] == "starting")
    nodes[0].start()
    eventually(lambda: has(nodes[0], "before"))


def test_a_machine_that_cannot_have_its_own_address_removes_nobody(lab: Lab) -> None:
    """A copy of m3, without data, on a machine where somebody else has the port."""
    one, _, three = formed(lab)
    old = number(lab, one, "m3")
    copy = Node(lab.root / "copy", "m3", three.binary)
    shutil.copytree(three.path("etc"), copy.path("etc"))
    lab.nodes["copy"] = copy
    copy.start()
    eventually(lambda: "Address already in use" in copy.waits)
    copy.sleep(3)
    assert number(lab, one, "m3") == old


def test_a_member_that_moved_is_replaced_only_once_its_old_address_is_silent(lab: Lab) -> None:
    one, two, three = formed(lab)
    moved = Node(lab.root / "moved", "m3", three.binary)
    shutil.copytree(one.path("etc"), moved.path("etc"))
    shutil.rmtree(moved.path("etc/kubernetes/pki"))
    lab.authority.place(moved.path("etc/kubernetes/pki/etcd"), "127.0.1.9")
    members = {**one.config["etcd"]["members"], "m3": "https://127.0.1.9:2380"}
    etcd = {"members": members, "membershipRevision": 2, "token": "another", "until": None}
    moved.write("etc/nodeseed/config.json", json.dumps({**one.config, "node": "m3", "etcd": etcd}))
    lab.nodes["moved"] = moved
    moved.start()
    eventually(lambda: moved.waits == "another m3 is up: https://127.0.1.3:2380")
    three.stop()
    assert promote(moved) == 0
    eventually(lambda: voters(lab, two) == {"m1", "m2", "m3"})
    assert has(moved, "before")
    assert "127.0.1.3" not in json.dumps(lab.list(two))


def test_five_members_of_which_two_lose_their_disks_at_once(lab: Lab) -> None:
    names = tuple(f"m{i}" for i in range(1, 6))
    nodes = [lab.add(name, names) for name in names]
    for node in nodes:
        node.start()
    eventually(lambda: voters(lab, nodes[0]) == set(names))
    for node in nodes[3:]:
        node.stop()
        node.wipe()
    for node in nodes[3:]:
        node.start()

    def rejoin(node: Node) -> int:
        # until it is removed, the old member still stands for it, and needs no promotion
        eventually(lambda: f"replacing the old {node.name}" in node.lines, 60)
        return promote(node)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(rejoin, nodes[3:])) == [0, 0]
    eventually(lambda: voters(lab, nodes[0]) == set(names))


def test_power_is_cut_between_removal_and_addition_and_start(lab: Lab) -> None:
    one, _, three = formed(lab)
    three.stop()
    three.wipe()
    eventually(lambda: remove(one, number(lab, one, "m3")))
    body = {"peerURLs": [three.url], "isLearner": True}
    three.start()
    assert promote(three) == 0
    eventually(lambda: voters(lab, one) == {"m1", "m2", "m3"})
    three.stop()
    three.wipe()
    eventually(lambda: remove(one, number(lab, one, "m3")))
    eventually(lambda: gateway(one, client(one.url), "cluster/member/add", body))
    three.start()
    assert promote(three) == 0
    eventually(lambda: voters(lab, one) == {"m1", "m2", "m3"})
