"""The datasource that cloud-init keeps: it stays, without what is secret in the user-data."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

from nodeseed_node.scrub import scrub
from tests.program.machines import FakeMachine

INSTANCE = "var/lib/cloud/instances/i-1"
RAW = gzip.compress(b"EC PRIVATE KEY")
# as cloud-init writes it (cloudinit/config, util.dump_document): keys in order, blocks indented
CONFIG = """#cloud-config

# from 1 files
# part-001

---
hostname: cp-1
runcmd:
- systemctl daemon-reload
ssh_authorized_keys:
- ssh-ed25519 AAAA operator
write_files:
-   content: |
        EC PRIVATE KEY

        runcmd:
    path: /x
...
"""
KEPT = """#cloud-config

# from 1 files
# part-001

---
hostname: cp-1
ssh_authorized_keys:
- ssh-ed25519 AAAA operator
"""


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
    m.write(f"{INSTANCE}/obj.pkl", pickle.dumps(Datasource()), 0o400)
    m.write(f"{INSTANCE}/cloud-config.txt", CONFIG)
    return m


def source(m: FakeMachine) -> Datasource:
    found = pickle.loads(m.path(f"{INSTANCE}/obj.pkl").read_bytes())  # noqa: S301
    assert isinstance(found, Datasource)
    return found


def test_what_is_needed_again_stays_and_nothing_else(tmp_path: Path) -> None:
    m = machine(tmp_path)
    assert scrub(m) == 0
    data = m.path(f"{INSTANCE}/obj.pkl").read_bytes()
    assert b"PRIVATE KEY" not in data
    assert RAW not in data
    assert m.path(f"{INSTANCE}/obj.pkl").stat().st_mode & 0o777 == 0o400
    found = source(m)
    assert (found.userdata_raw, found.userdata) == (KEPT, None)
    assert found._crawled_metadata == {"user-data": KEPT, "meta-data": {"instance-id": "i-1"}}
    assert found.metadata == {"instance-id": "i-1"}
    assert m.console == []


def test_it_may_run_again(tmp_path: Path) -> None:
    """The unit has removed cloud-init's own copy by then; or cloud-init made one of what stayed."""
    m = machine(tmp_path)
    scrub(m)
    m.remove(f"{INSTANCE}/cloud-config.txt")
    scrub(m)
    assert source(m).userdata_raw == KEPT
    m.write(f"{INSTANCE}/cloud-config.txt", KEPT)
    scrub(m)
    assert source(m).userdata_raw == KEPT


def test_a_datasource_that_cannot_be_read_is_said_and_stays(tmp_path: Path) -> None:
    m = machine(tmp_path)
    m.write(f"{INSTANCE}/obj.pkl", b"cnowhere\nNothing\n.")
    assert scrub(m) == 0
    assert m.console[0].endswith(
        "obj.pkl keeps user-data: ModuleNotFoundError(\"No module named 'nowhere'\")"
    )
    assert m.path(f"{INSTANCE}/obj.pkl").read_bytes() == b"cnowhere\nNothing\n."


def test_a_machine_without_cloud_init(tmp_path: Path) -> None:
    assert scrub(FakeMachine(tmp_path, "scrub")) == 0
