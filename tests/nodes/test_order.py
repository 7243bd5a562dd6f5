"""In which order machines are replaced, and which disks they are to be given."""

from __future__ import annotations

from nodeseed.nodes.disks import disks
from nodeseed.nodes.order import order
from tests.conftest import NOW, Workplace, design_of
from tests.nodes.changes import put

POOL = {"name": "web", "role": "worker", "count": 20, "firstAddress": "10.0.0.100"}


def test_machines_with_etcd_come_first_and_one_by_one() -> None:
    design = design_of(
        lambda spec: spec["nodes"].insert(
            0, {"name": "db-1", "role": "etcd", "address": "10.0.0.31"}
        ),
        put("pools", [POOL]),
    )
    assert order(design, [machine.name for machine in design.machines]) == [
        (
            "Replace machines in this order: one at a time, each Ready before the next: "
            "db-1, cp-1, cp-2, cp-3; then as many workers at once as can be spared: worker-1, "
            "web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8, web-9 … and 11 more."
        )
    ]
    assert order(design, ["worker-1"]) == [
        "Replace machines in this order: as many workers at once as can be spared: worker-1."
    ]
    assert order(design, []) == []


def test_a_first_render_replaces_nothing_and_a_later_one_says_the_order(
    workplace: Workplace,
) -> None:
    assert not any("Replace machines" in note for note in workplace.render(NOW).notes)
    workplace.write(put("time.servers", ["ntp.example.com"]))
    assert any("cp-1, cp-2, cp-3; then" in note for note in workplace.render(NOW).notes)


def test_disks_have_names_that_stay() -> None:
    design = design_of(
        put(
            "storage",
            {
                "etcd": {
                    "raid": {"level": 1, "disks": [{"path": "/dev/vdb"}, {"path": "/dev/vdc"}]}
                },
                "containers": {"volume": {"group": "data"}},
                "volumeGroups": [{"name": "data", "disks": [{"size": "1025Mi"}]}],
            },
        )
    )
    data = {"name": "data-1", "gib": 2}
    assert disks(design, design.machines[0]) == [
        {"name": "etcd-1", "gib": None},
        {"name": "etcd-2", "gib": None},
        data,
    ]
    assert disks(design, design.machines[3]) == [data]
    plain = design_of(put("storage", {"etcd": {"disk": {"size": "20Gi"}}}))
    assert disks(plain, plain.machines[0]) == [{"name": "etcd", "gib": 20}]
    assert disks(plain, plain.machines[3]) == []
