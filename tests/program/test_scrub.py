"""The datasource that cloud-init keeps: it stays, without what is secret in the user-data."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

from nodeseed_node.scrub import scrub
from tests.program.machines import FakeMachine

PICKLE = "var/lib/cloud/instances/i-1/obj.pkl"
RAW = gzip.compress(b"EC PRIVATE KEY")
KEPT = "#cloud-config\nhostname: cp-1\nprefer_fqdn_over_hostname: false\n"


class Datasource:
    """What EC2's holds (sources/DataSourceEc2.py): the same user-data twice, and as a message."""

    def __init__(self) -> None:
        self.userdata_raw: Any = RAW
        self.userdata: Any = ["a message that holds EC PRIVATE KEY"]
        self.vendordata_raw = None
        self.metadata = {"instance-id": "i-1"}
        self._crawled_metadata = {"user-data": RAW, "meta-data": {"instance-id": "i-1"}}


def machine(root: Path) -> FakeMachine:
    m = FakeMachine(root, "scrub")
    m.configure()
    m.write(PICKLE, pickle.dumps(Datasource()), 0o400)
    return m


def test_the_host_name_stays_and_nothing_else(tmp_path: Path) -> None:
    m = machine(tmp_path)
    for _ in range(2):
        assert scrub(m) == 0
        data = m.path(PICKLE).read_bytes()
        assert b"PRIVATE KEY" not in data
        assert RAW not in data
        assert m.path(PICKLE).stat().st_mode & 0o777 == 0o400
        found = pickle.loads(data)  # noqa: S301
        assert isinstance(found, Datasource)
        assert (found.userdata_raw, found.userdata) == (KEPT, None)
        assert found._crawled_metadata == {"user-data": KEPT, "meta-data": {"instance-id": "i-1"}}
        assert found.metadata == {"instance-id": "i-1"}
    assert m.console == []


def test_a_datasource_that_cannot_be_read_is_said_and_stays(tmp_path: Path) -> None:
    m = machine(tmp_path)
    m.write(PICKLE, b"cnowhere\nNothing\n.")
    assert scrub(m) == 0
    assert m.console[0].endswith(
        "obj.pkl keeps user-data: ModuleNotFoundError(\"No module named 'nowhere'\")"
    )
    assert m.path(PICKLE).read_bytes() == b"cnowhere\nNothing\n."


def test_a_machine_without_cloud_init(tmp_path: Path) -> None:
    m = FakeMachine(tmp_path, "scrub")
    m.configure()
    assert scrub(m) == 0
