"""What must hold of a cluster as a whole, before anything is launched.

Each check is a function that yields problems; the table is the list of them. A check says what was
found, where, which rule it breaks, and what to write instead.
"""

from __future__ import annotations

from typing import Final

from nodeseed.nodes.checks.addresses import addresses, subnets
from nodeseed.nodes.checks.components import configuration
from nodeseed.nodes.checks.content import keys_of_people, own_files
from nodeseed.nodes.checks.dns import dns
from nodeseed.nodes.checks.endpoint import (
    endpoint_port,
    ipvs_of_two,
    load_balancers,
    node_local,
    servers,
    virtual_address,
)
from nodeseed.nodes.checks.etcd import etcd
from nodeseed.nodes.checks.keys import key_algorithms
from nodeseed.nodes.checks.leader_election import leader_election
from nodeseed.nodes.checks.machines import cluster_name, labels, names, roles
from nodeseed.nodes.checks.match import match
from nodeseed.nodes.checks.platform import platform_needs, providers
from nodeseed.nodes.checks.pods import pod_network
from nodeseed.nodes.checks.pools import pools
from nodeseed.nodes.checks.proxy import proxy
from nodeseed.nodes.checks.rendered import directory, manifests, tokens
from nodeseed.nodes.checks.software import software
from nodeseed.nodes.checks.storage import disks
from nodeseed.nodes.checks.storage_classes import storage_classes
from nodeseed.nodes.checks.transport import transport
from nodeseed.nodes.checks.versions import versions
from nodeseed.nodes.checks.whole import Check, Whole

__all__ = ["CHECKS", "Check", "Whole"]

CHECKS: Final[tuple[Check, ...]] = (
    providers,
    cluster_name,
    versions,
    roles,
    names,
    match,
    subnets,
    addresses,
    pod_network,
    pools,
    platform_needs,
    transport,
    endpoint_port,
    load_balancers,
    servers,
    ipvs_of_two,
    node_local,
    virtual_address,
    software,
    disks,
    storage_classes,
    manifests,
    directory,
    tokens,
    configuration,
    dns,
    etcd,
    leader_election,
    proxy,
    key_algorithms,
    labels,
    own_files,
    keys_of_people,
)
