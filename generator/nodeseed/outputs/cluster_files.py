"""What comes out for each node and for the cluster, as names and bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nodeseed.nodes.design import Design
from nodeseed.nodes.disks import disks
from nodeseed.nodes.machine import Machine
from nodeseed.nodes.pools import pool_variables
from nodeseed.nodes.software import image_name, is_baked
from nodeseed.pki.certificates import BY_NAME
from nodeseed.pki.identities import Identities
from nodeseed.pki.kubeconfig import kubeconfig
from nodeseed.pki.lock import NodeRecord
from nodeseed.platforms.nocloud_network import NetworkOptions, network_config
from nodeseed.render.encode import yaml_text
from nodeseed.spec.cluster import Networking
from nodeseed.spec.fields import Networks


def node_files(
    design: Design, machine: Machine, *, text: str, user_data: bytes, instance: str
) -> Iterator[tuple[str, bytes]]:
    """The files of one node.

    Args:
        design: the cluster.
        machine: the node.
        text: its cloud-config, readable.
        user_data: the bytes for the platform.
        instance: cloud-init's instance-id; it changes with the content, so that cloud-init applies
            new user-data, and the installer on the node then lets nothing go back.
    """
    platform = design.platform
    yield "user-data", user_data
    if user_data != text.encode():
        yield "user-data.yaml", text.encode()
    if platform.text_form:
        yield "user-data.b64", base64.b64encode(user_data)
    if platform.nocloud and not machine.elastic:  # what starts such a machine gives it these
        meta = {"instance-id": instance, "local-hostname": machine.name}
        yield "meta-data", yaml_text(meta).encode()
        options = design.platform_options
        assert isinstance(options, NetworkOptions)  # noqa: S101 - every nocloud row has them
        interfaces = tuple(
            f"{address}/{subnet.prefixlen}"
            for address in machine.addresses
            for subnet in design.node_subnet(machine)
            if address in subnet
        )
        network = network_config(options, interfaces)
        if network is not None:
            yield "network-config", yaml_text(network).encode()


def instance_id(cluster_id: str, node: str, record: NodeRecord) -> str:
    """cloud-init's instance-id of a node; it changes with what the node gets."""
    return f"{cluster_id}-{node}-{record.nodeRevision}"


def admin_conf(design: Design, identities: Identities) -> bytes:
    """The operator's own kubeconfig, at the endpoint."""
    row = BY_NAME["operator-admin"]
    document = kubeconfig(
        cluster=design.cluster.name,
        server=design.endpoint_url,
        user=row.common_name,
        authority=identities.pem("certificate", "ca"),
        certificate=identities.pem("certificate", row.name),
        key=identities.pem("key", row.name),
    )
    return yaml_text(document).encode()


def terraform_variables(
    design: Design, digests: Callable[[str], str], publication: Mapping[str, Any]
) -> bytes:
    """terraform.tfvars.json: what Terraform needs to know, and no secret.

    Args:
        design: the cluster.
        digests: digest of a node's public rendering, by the node's name.
        publication: what a transport adds; empty for ``inline``.
    """
    cluster = design.cluster
    pools = {pool.name: pool_variables(design, pool, digests(pool.name)) for pool in design.pools}
    values = {
        "cluster_name": cluster.name,
        "platform": cluster.platform.name,
        "region": cluster.platform.options().get("region"),
        **({"image": image_name(design)} if is_baked(design) else {}),
        "endpoint_host": cluster.endpoint.host,
        "endpoint_port": design.endpoint_port,
        "api_server_port": cluster.apiServer.port,
        "subnets": [
            {"cidrs": [str(network) for network in networks], "zone": zone}
            for networks, zone in _subnets(cluster.networking)
        ],
        "nodes": {
            machine.name: {
                "role": machine.role,
                "addresses": [str(address) for address in machine.addresses],
                "zone": dict(machine.labels).get("topology.kubernetes.io/zone"),
                "user_data": f"{machine.name}/user-data",
                "digest": digests(machine.name),
                **({"disks": found} if (found := disks(design, machine)) else {}),
            }
            for machine in design.machines
        },
        **({"pools": pools} if design.pools else {}),
        **publication,
    }
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()


def _subnets(networking: Networking) -> Iterator[tuple[Networks, str | None]]:
    """The subnets of machines with their zones, however they are written."""
    for subnet in networking.subnets:
        yield subnet.cidr, subnet.zone
    if networking.nodeSubnet is not None:
        yield networking.nodeSubnet, None
