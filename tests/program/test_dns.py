"""The cluster's DNS on the node: the Corefile first, the replicas last, nothing older."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodeseed_node.dns import corefile, dns
from tests.program.machines import FakeMachine

COREFILE = "/etc/nodeseed/coredns.yaml"
REPLICAS = "/etc/nodeseed/coredns-replicas.yaml"


class Cluster:
    """What kubectl sees: the mark, and the nodes, one more whenever they are looked at."""

    def __init__(self, mark: dict[str, str] | None = None, coming: int = 0) -> None:
        self.mark = mark
        self.coming = coming
        self.nodes = 1
        self.done: list[str] = []

    def __call__(self, command: tuple[str, ...], _stdin: str) -> tuple[int, str]:
        verb, kind = command[2:4]
        if (verb, kind) == ("get", "configmap"):
            return 0, json.dumps({"data": self.mark}) if self.mark is not None else ""
        if (verb, kind) == ("get", "nodes"):
            said = "\n".join(f"node/{number}" for number in range(self.nodes))
            if self.coming:
                self.coming -= 1
                self.nodes += 1
            return 0, said
        self.done.append(f"{verb} {command[-1]}")
        if verb == "patch":
            self.mark = {**(self.mark or {}), **json.loads(command[-1])["data"]}
        return 0, ""


def run(root: Path, there: Cluster) -> FakeMachine:
    m = FakeMachine(root, "dns", there)
    m.configure()  # revision 2
    assert dns(m) == 0
    return m


@pytest.mark.parametrize("mark", [None, {"revision": "1", "version": "1.37.2"}])
def test_the_corefile_is_there_before_the_revision_is(
    tmp_path: Path, mark: dict[str, str] | None
) -> None:
    there = Cluster(mark)
    m = FakeMachine(tmp_path, "corefile", there)
    m.configure()

    assert corefile(m) == 0

    assert there.done == [f"apply {COREFILE}"]
    assert m.commands[-1][2:-1] == ("apply", "--server-side", "--force-conflicts", "-f")


@pytest.mark.parametrize("revision", ["2", "3"])
def test_a_corefile_that_is_as_new_or_newer_stays(tmp_path: Path, revision: str) -> None:
    there = Cluster({"revision": revision, "version": "1.37.2"})
    m = FakeMachine(tmp_path, "corefile", there)
    m.configure()

    assert corefile(m) == 0
    assert there.done == []


def test_replicas_are_set_once_no_more_nodes_come_and_marked_last(tmp_path: Path) -> None:
    there = Cluster({"revision": "2", "version": "1.37.2"}, coming=3)
    m = run(tmp_path, there)

    assert there.nodes == 4
    assert there.done == [
        "delete kube-dns-autoscaler",
        f"apply {REPLICAS}",
        'patch {"data":{"dns":"2"}}',
    ]
    assert 30 <= m.slept < 60
    assert m.console == [
        "nodeseed cp-1: dns: waiting until no more nodes come",
        "nodeseed cp-1: dns: CoreDNS has its replicas",
    ]


def test_nodes_that_never_end_are_not_waited_for_longer_than_five_minutes(tmp_path: Path) -> None:
    there = Cluster({"revision": "2", "version": "1.37.2"}, coming=1000)
    m = run(tmp_path, there)

    assert f"apply {REPLICAS}" in there.done
    assert 300 <= m.slept < 330


@pytest.mark.parametrize("revision", ["2", "3"])
def test_replicas_of_a_revision_that_is_as_new_or_newer_stay(tmp_path: Path, revision: str) -> None:
    there = Cluster({"revision": revision, "version": "1.37.2", "dns": revision})
    m = run(tmp_path, there)

    assert there.done == []
    assert m.slept == 0


def test_what_was_cut_off_before_the_mark_is_done_again(tmp_path: Path) -> None:
    there = Cluster({"revision": "2", "version": "1.37.2", "dns": "1"})
    run(tmp_path, there)

    assert f"apply {REPLICAS}" in there.done
