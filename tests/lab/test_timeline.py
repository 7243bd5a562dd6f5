"""When a node did what, from its journal."""

from __future__ import annotations

import json

from nodeseed_lab.timeline import Moment, moments


def entry(at: float, message: object, **fields: str) -> str:
    return json.dumps(
        {"__REALTIME_TIMESTAMP": str(int(at * 1_000_000)), "MESSAGE": message, **fields}
    )


def test_moments_of_a_journal() -> None:
    journal = "\n".join(
        [
            entry(100.5, "Starting etcd.service - etcd...", UNIT="etcd.service"),
            entry(101.25, "nodeseed cp-1: etcd: 1 of 3 members up, waiting for 1 more"),
            entry(101.5, "Started dbus.service", UNIT="dbus.service"),
            entry(102, [1, 2, 3]),
            entry(103, "Started kubelet.service - kubelet.", UNIT="kubelet.service"),
        ]
    )

    assert list(moments(journal, began=100)) == [
        Moment(0.5, "etcd.service", "Starting etcd.service - etcd..."),
        Moment(1.25, "etcd", "1 of 3 members up, waiting for 1 more"),
        Moment(3.0, "kubelet.service", "Started kubelet.service - kubelet."),
    ]
