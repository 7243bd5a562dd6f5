"""The membership decision of a static pod whose etcd has a disk of its own.

A disk that goes while etcd runs must not look like an empty member, which would ask for the place
of the one whose data lies on that disk.
"""

from __future__ import annotations

from nodeseed_node.machine import Machine
from nodeseed_node.static_pod import static_pod
from nodeseed_node.storage import ETCD


class OnDisk(Machine):
    """A machine on which nothing goes on without etcd's disk; its unit then waits for the disk."""

    def sleep(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            OSError: The disk is gone.
        """
        super().sleep(seconds)
        if self.path(ETCD).stat().st_dev != self.path("run/nodeseed/disks/etcd").stat().st_dev:
            raise OSError("etcd's disk is gone")


def static_pod_on_disk(m: Machine) -> int:
    """Decide, start, watch, as long as the disk is there."""
    return static_pod(OnDisk(str(m.root), "static-pod"))
