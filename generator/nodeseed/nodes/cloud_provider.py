"""Nodes of a cluster with a cloud controller manager. Pure."""

from __future__ import annotations

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine


def is_external(design: Design) -> bool:
    """Whether nodes wait for a cloud controller manager."""
    return design.cluster.platform.cloudProvider == "external"


def provider_id(design: Design, machine: Machine) -> str:
    """The form of the provider ID that the machine tells its kubelet; mostly nothing.

    A machine of an elastic pool tells it anyway, for cluster-autoscaler.
    """
    wanted = is_external(design) and machine.is_node and not machine.elastic
    return design.platform.provider_id if wanted and design.platform.tells_provider_id else ""
