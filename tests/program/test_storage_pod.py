"""A static pod's decision ends with etcd's disk, and its unit then waits for the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeseed_node.storage_pod import OnDisk


def test_nothing_goes_on_once_the_disk_is_gone(tmp_path: Path) -> None:
    (tmp_path / "var/lib/etcd").mkdir(parents=True)
    disk = tmp_path / "run/nodeseed/disks/etcd"
    disk.mkdir(parents=True)
    m = OnDisk(str(tmp_path), "static-pod")
    m.sleep(0)
    disk.rmdir()
    disk.symlink_to("/proc")  # another file system
    with pytest.raises(OSError, match="etcd's disk is gone"):
        m.sleep(0)
