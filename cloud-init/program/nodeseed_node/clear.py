"""What is made of disks that were blank may lie where something lay before."""

from __future__ import annotations

from nodeseed_node.disks import MIB, put


def clear(device: str) -> None:
    """Make what was just created blank at both ends."""
    put(device, 0, bytes(MIB))
    put(device, -MIB, bytes(MIB))
