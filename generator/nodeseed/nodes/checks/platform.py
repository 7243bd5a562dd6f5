"""The platform is known, and was told what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.endpoints import ENDPOINTS
from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.design import node_subnets
from nodeseed.platforms import PLATFORMS
from nodeseed.platforms.nocloud_network import NetworkOptions


def providers(whole: Whole) -> Iterator[Problem]:
    """Platform and endpoint are rows of their tables."""
    if whole.platform is None:
        yield whole.problem(
            ("platform", "name"),
            f"{whole.cluster.platform.name!r} is no platform",
            f"write one of {', '.join(PLATFORMS)}",
        )
    if whole.endpoint is None:
        yield whole.problem(
            ("endpoint", "provider"),
            f"{whole.cluster.endpoint.provider!r} is no endpoint provider",
            f"write one of {', '.join(ENDPOINTS)}",
        )


def platform_needs(whole: Whole) -> Iterator[Problem]:
    """What the platform must be told."""
    platform = whole.platform
    if platform is None:
        return
    if platform.needs_subnets and not whole.cluster.networking.subnets:
        yield whole.problem(
            ("networking",),
            f"{platform.title} needs to know the subnets and their zones",
            "write networking.subnets: [{cidr: …, zone: …}]",
        )
    if whole.cluster.platform.cloudProvider == "external" and not platform.provider_id:
        yield whole.problem(
            ("platform", "cloudProvider"),
            f"{platform.title} has no cloud controller manager, and nodes would wait for it",
            "take it out",
        )
    options = whole.options
    if isinstance(options, NetworkOptions) and options.network == "static":
        if not options.gateways:
            yield whole.problem(
                ("platform",), "network: static without gateways", "write platform.gateways"
            )
        if not node_subnets(whole.cluster):
            yield whole.problem(
                ("networking",),
                "network: static needs the prefix length of the machines' subnet",
                "write networking.nodeSubnet",
            )
