"""Where one node's payload lies in a store of AWS, and how the store is addressed. Pure."""

from __future__ import annotations

import json
from typing import Any

from nodeseed.nodes.design import Design
from nodeseed.spec.cluster import Cluster
from nodeseed.transports.options import StoreOptions


def store_options(design: Design) -> StoreOptions:
    """The keys of the transport block, of a transport that fetches."""
    options = design.transport_options
    assert isinstance(options, StoreOptions)  # noqa: S101 - every remote row has them
    return options


def region_of(cluster: Cluster, options: StoreOptions) -> str:
    """The store's region: its own, or the platform's."""
    return options.region or str(cluster.platform.options().get("region", ""))


def settings_of(design: Design) -> dict[str, Any]:
    """How the store is addressed: what stubs, ``publish.json`` and Terraform are told."""
    options = store_options(design)
    return {
        "name": design.transport.name,
        "region": region_of(design.cluster, options),
        "bucket": getattr(options, "bucket", ""),
        "prefix": options.prefix,
        "kmsKey": options.kmsKey or "",
        "endpoint": options.endpoint or "",
    }


def deletes_after_read(design: Design) -> bool:
    """Whether nodes remove their payloads from the store."""
    return design.transport.remote and store_options(design).deleteAfterRead


def fetch_step(design: Design) -> str:
    """The step with which a node fetches its payload; empty where it fetches nothing."""
    if not design.transport.remote:
        return ""
    return "fetch-age" if store_options(design).age else "fetch"


def public_settings(design: Design) -> list[str]:
    """What decides a node's stub beside its files, for the node's digest."""
    age = store_options(design).age
    settings = [json.dumps(settings_of(design), sort_keys=True)]
    return [*settings, *age.recipients, age.identity] if age else settings


def cluster_prefix(design: Design, cluster_id: str) -> str:
    """How the names of all payloads of the cluster begin; ends with a slash.

    The ID keeps two clusters of the same name apart, whose operators would remove each other's.
    """
    settings, name = store_options(design), design.cluster.name
    return f"{design.transport.root}{settings.prefix}/{name}-{cluster_id[:8]}/"


def payload_name(design: Design, cluster_id: str, node: str, revision: int, sha256: str) -> str:
    """The name of a payload: other content, other name, so that nothing is ever overwritten."""
    return f"{cluster_prefix(design, cluster_id)}{node}/{revision}-{sha256[:32]}"


def base_url(design: Design) -> str:
    """The service's address, without a slash at its end."""
    options, region = store_options(design), region_of(design.cluster, store_options(design))
    if options.endpoint:
        return options.endpoint.rstrip("/")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{design.transport.service}.{region}.{suffix}"


def partition(region: str) -> str:
    """The first word of ARNs after ``arn``."""
    for start, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(start):
            return name
    return "aws"
