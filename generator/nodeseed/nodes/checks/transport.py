"""The transport is known, can be used on this platform, and was told what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.metadata import like_ec2
from nodeseed.nodes.transport import region_of
from nodeseed.platforms import PLATFORMS
from nodeseed.transports import TRANSPORTS
from nodeseed.transports.options import StoreOptions, key_region


def transport(whole: Whole) -> Iterator[Problem]:
    """A row of the table that the platform's machines can use, with a region and safe addresses."""
    row, platform, options = whole.transport, whole.platform, whole.transport_options
    if row is None:
        yield whole.problem(
            ("transport", "name"),
            f"{whole.cluster.transport.name!r} is no transport",
            f"write one of {', '.join(TRANSPORTS)}",
        )
        return
    if platform is None or not row.remote:
        return
    if row.name not in like_ec2(platform, whole.options).transports:
        able = [other.name for other in PLATFORMS.values() if row.name in other.transports]
        lent = ", or `platform.metadata: ec2` if a metadata service lends roles there as EC2's does"
        yield whole.problem(
            ("transport", "name"),
            f"machines on {platform.title} have no instance role with which to read {row.title}",
            f"write `name: inline`, or use platform {' or '.join(able)}"
            + (lent if "metadata" in platform.options.model_fields else ""),
        )
        return
    if not isinstance(options, StoreOptions):
        return
    shared = [pool.name for pool in whole.cluster.pools if pool.elastic]
    if options.deleteAfterRead and shared:
        yield whole.problem(
            ("transport", "deleteAfterRead"),
            f"all machines of the elastic pool {shared[0]} fetch the same payload, and the first "
            "would delete it",
            "take deleteAfterRead out, or give the pool count and firstAddress",
        )
    region = region_of(whole.cluster, options)
    if not region:
        yield whole.problem(
            ("transport",),
            f"{platform.title} has no region, and requests are signed for one",
            "write transport.region, such as eu-central-1",
        )
    if options.kmsKey and key_region(options.kmsKey) != region:
        yield whole.problem(
            ("transport", "kmsKey"),
            f"the key lies in {key_region(options.kmsKey)}, the transport in {region}",
            f"use a key in {region}",
        )
    if options.endpoint and not _safe(options.endpoint):
        yield whole.problem(
            ("transport", "endpoint"),
            f"{options.endpoint} would carry private keys in clear over a network",
            "write https://",
        )


def _safe(url: str) -> bool:
    """Whether what passes is encrypted, or never leaves the machine or its link."""
    to = urlsplit(url)
    if to.scheme == "https":
        return True
    try:
        host = ip_address(to.hostname or "")
    except ValueError:
        return False
    return host.is_loopback or host.is_link_local
