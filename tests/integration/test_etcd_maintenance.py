"""A real etcd gives space back, one member at a time, and comes out of a full database."""

import base64
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from nodeseed_lab.programs import program
from nodeseed_node.machine import STATUS, Machine
from nodeseed_node.maintenance import LAST, call, maintenance
from nodeseed_node.member import client, coded
from tests.integration.etcd_members import Lab, Node, eventually, has, put, voters

MIB = 1 << 20
CARE = {"quota": 64 * MIB, "gain": 8 * MIB, "interval": 3600}
NAMES = ("m61", "m62", "m63")  # other addresses than those of tests that may run at the same time
VALUE = base64.b64encode(bytes(MIB // 16)).decode()
NUMBERS = itertools.count()


@pytest.fixture(params=["3.7", "3.6", "3.5"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    built = Lab(tmp_path, program(f"etcd-{request.param}"))
    yield built
    for node in built.nodes.values():
        node.stop()


@pytest.fixture
def cared(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Node]]:
    """Three members that have formed, with a quota of so many MiB."""

    def formed(quota: int = 64) -> list[Node]:
        monkeypatch.setenv("ETCD_QUOTA_BACKEND_BYTES", str(quota * MIB))
        care = {**CARE, "quota": quota * MIB}
        nodes = [lab.add(name, NAMES, maintenance=care) for name in NAMES]
        for node in nodes:
            node.start()
        eventually(lambda: voters(lab, nodes[0]) == set(NAMES))
        return nodes

    return formed


def care_for(node: Node) -> str:
    """Let the timer go off; give what the step says."""
    assert maintenance(Machine(str(node.root), "maintenance")) == 0
    return str(node.load(STATUS)["maintenance"])


def fill(node: Node, number: int) -> None:
    """Write so many MiB."""
    for _ in range(number * 16):
        body = {"key": coded(f"filling/{next(NUMBERS)}"), "value": VALUE}
        call(node, client(node.url), "kv/put", body)


def delete(node: Node) -> None:
    """Delete all of it."""
    body = {"key": coded("filling/"), "range_end": coded("filling0")}
    call(node, client(node.url), "kv/deleterange", body)


def compact(node: Node) -> None:
    """Forget what was deleted, as the API server does every five minutes."""
    revision = status(node)["header"]["revision"]
    body = {"revision": revision, "physical": True}
    eventually(lambda: call(node, client(node.url), "kv/compaction", body))


def status(node: Node) -> dict[str, dict[str, str]]:
    answer: dict[str, dict[str, str]] = call(node, client(node.url), "maintenance/status")
    return answer


def size(node: Node) -> int:
    return int(str(status(node)["dbSize"]))


def alarms(node: Node) -> set[str]:
    found = call(node, client(node.url), "maintenance/alarm", {"action": "GET"}).get("alarms", [])
    return {alarm["alarm"] for alarm in found}


def leads(node: Node) -> bool:
    said = status(node)
    return bool(said["leader"] == said["header"]["member_id"])


def settled(nodes: list[Node]) -> None:
    """Every member has forgotten what was deleted; it knows with its next write."""

    def forgotten() -> bool:
        put(nodes[0], "later")
        return all(int(str(status(node)["dbSizeInUse"])) < 8 * MIB for node in nodes)

    eventually(forgotten)


def test_deleted_data_give_their_space_back_one_member_after_the_other(
    cared: Callable[..., list[Node]],
) -> None:
    nodes = cared()
    assert [care_for(node) for node in nodes] == ["in order"] * 3
    fill(nodes[0], 24)
    delete(nodes[0])
    compact(nodes[0])
    settled(nodes)
    for node in nodes:
        before, led = size(node), leads(node)
        assert before > 24 * MIB
        assert care_for(node).startswith(f"defragmented: {before >> 20} MiB became ")
        assert size(node) < 8 * MIB
        if led:
            assert not leads(node)
    put(nodes[0], "after")
    assert all(has(node, "after") for node in nodes)
    assert not has(nodes[0], "/nodeseed/defragments")  # the lock went with its lease


def test_it_waits_for_its_day_for_the_others_for_its_turn_and_for_room(
    cared: Callable[..., list[Node]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = nodes = cared()
    fill(one, 24)
    delete(one)
    compact(one)
    settled(nodes)

    one.write(LAST, str(int(one.now()) - 60))
    assert care_for(one) == "in order"
    one.remove(LAST)

    put(two, "/nodeseed/defragments")
    assert care_for(one) == "not now: another member defragments"
    gone = {"key": coded("/nodeseed/defragments")}
    call(two, client(two.url), "kv/deleterange", gone)

    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
        assert re.fullmatch(
            r"not now: to defragment takes \d MiB, /var/lib/etcd has 0 MiB free", care_for(one)
        )
    assert not has(one, "/nodeseed/defragments")

    three.stop()
    eventually(lambda: care_for(one) == "not now: 2 of 3 members are healthy")
    two.stop()
    eventually(lambda: care_for(one).startswith("not now: "))
    two.start()
    three.start()
    eventually(lambda: care_for(one).startswith("defragmented: "))


def test_a_full_etcd_says_so_and_takes_writes_again_once_there_is_room(
    cared: Callable[..., list[Node]],
) -> None:
    one, two, _ = nodes = cared(quota=16)
    for key in range(9):
        put(one, f"expires/{key}")

    def full() -> bool:
        """At first defragmenting helps a little."""
        with pytest.raises(OSError, match="database space exceeded"):
            fill(one, 40)
        said = [care_for(node) for node in nodes]
        return said[0].endswith("16 MiB in use: delete objects, or raise etcd.quota")

    eventually(full)
    assert alarms(one) == {"NOSPACE"}
    delete(two)
    with pytest.raises(OSError, match="database space exceeded"):
        put(one, "during")

    said: list[str] = []

    def made_room() -> bool:
        """The timers go off, in a cluster whose Events expire: that etcd still does."""
        said.extend(care_for(node) for node in nodes)
        first = {"key": coded("expires/"), "range_end": coded("expires0"), "limit": 1}
        for row in call(two, client(two.url), "kv/range", first).get("kvs", []):
            call(two, client(two.url), "kv/deleterange", {"key": row["key"]})
        return not alarms(one)

    eventually(made_room)
    assert any("(NOSPACE) and takes no writes: defragmented here, next m" in text for text in said)
    assert "etcd was full (NOSPACE) and takes writes again" in said
    assert max(size(node) for node in nodes) <= 16 * MIB * 9 // 10
    put(one, "after")
    assert [care_for(node) for node in nodes] == ["in order"] * 3


def test_corrupt_data_are_said_and_left_alone(cared: Callable[..., list[Node]]) -> None:
    one, two, _ = cared()
    me = status(two)["header"]["member_id"]
    alarm = {"action": "ACTIVATE", "memberID": me, "alarm": "CORRUPT"}
    call(one, client(one.url), "maintenance/alarm", alarm)
    eventually(lambda: care_for(one).startswith("m62 has corrupt data (CORRUPT)"))
    (still,) = call(one, client(one.url), "maintenance/alarm", {"action": "GET"})["alarms"]
    assert still == {"memberID": me, "alarm": "CORRUPT"}
