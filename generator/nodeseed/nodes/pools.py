"""Elastic pools: what their machines and the control planes are told of them. Pure."""

from __future__ import annotations

import json
from typing import Any

from nodeseed.nodes.design import Design, node_subnets
from nodeseed.nodes.machine import Machine
from nodeseed.nodes.rendered import is_rendered
from nodeseed.pki.lock import SECOND, Lock
from nodeseed.pki.references import reference
from nodeseed.spec.fields import Network, parse_address

BOOTSTRAP = "/etc/kubernetes/bootstrap-kubelet.conf"

# Group of a pool's machines before they have a certificate; the on-node step approve knows it.
GROUP = "system:bootstrappers:nodeseed:{pool}"


def pool_subnets(design: Design, pool: Machine) -> tuple[Network, ...]:
    """The subnets in which a pool's machines come up."""
    zones = pool.elastic.zones if pool.elastic else ()
    if not zones:
        return node_subnets(design.cluster)
    listed = design.cluster.networking.subnets
    return tuple(network for subnet in listed if subnet.zone in zones for network in subnet.cidr)


def pool_zones(design: Design, pool: Machine) -> list[str]:
    """The zones in which a pool's machines come up; empty where the cluster file knows none."""
    listed = [subnet.zone for subnet in design.cluster.networking.subnets if subnet.zone]
    wanted = pool.elastic.zones if pool.elastic else ()
    return [zone for zone in dict.fromkeys(listed) if zone in wanted or not wanted]


def pool_values(design: Design, machine: Machine) -> dict[str, Any]:
    """What the files of ``cloud-init/pools`` and ``cloud-init/elastic`` may use."""
    if machine.elastic:
        return {"pool_token": reference("bootstrap", f"token/{machine.name}")}
    if machine.role != "control-plane":
        return {}
    return {
        "pools": [
            {
                "name": pool.name,
                "group": GROUP.format(pool=pool.name),
                **{part: reference("bootstrap", f"{part}/{pool.name}") for part in _PARTS},
            }
            for pool in design.pools
        ]
    }


_PARTS = ("id", "secret", "end")


def pool_configuration(design: Design, machine: Machine, lock: Lock) -> dict[str, Any]:
    """What config.json says of pools, on their own machines and on control planes."""
    if machine.elastic:
        token = lock.nodes[machine.name].token
        assert token is not None  # noqa: S101 - a draft gives every pool one
        families = [network.version for network in design.cluster.networking.podSubnet]
        return {
            "pool": machine.name,
            "poolSubnets": [str(network) for network in pool_subnets(design, machine)],
            "families": families,
            "tokenEnd": token.end.strftime(SECOND),
            "providerID": design.platform.provider_id if design.platform.tells_provider_id else "",
            "zoned": bool(pool_zones(design, machine)),
        }
    if machine.role != "control-plane" or not design.pools:
        return {}
    return {
        "pools": {
            pool.name: [str(network) for network in pool_subnets(design, pool)]
            for pool in design.pools
        },
        "taken": _taken(design),
        "machineDomains": list(design.platform.machine_domains),
    }


def _taken(design: Design) -> list[str]:
    """Addresses that no machine of a pool may have: of the API and what leads there, and of etcd.

    Workers are known to the API by themselves. Names of the API are among it where they could pass
    for a machine's.
    """
    own = [a for machine in design.machines if machine.role != "worker" for a in machine.addresses]
    endpoint = parse_address(design.cluster.endpoint.host)
    others = [a for a in (endpoint, design.virtual_address) if a]
    called = [design.cluster.endpoint.host, *design.cluster.apiServer.certSANs]
    names = [name for name in called if name.endswith(design.platform.machine_domains)]
    return list(dict.fromkeys([*(str(address) for address in (*own, *others)), *names]))


def pool_flags(design: Design, component: str) -> dict[str, str]:
    """Flags that kubeadm always writes, for manifests of our own: bootstrap tokens work and end."""
    if not design.pools or not is_rendered(design):
        return {}
    return {
        "kube-apiserver": {"enable-bootstrap-token-auth": "true"},
        "kube-controller-manager": {"controllers": "*,tokencleaner"},
    }[component]


def public_tokens(lock: Lock) -> list[str]:
    """What is public of all pools' tokens, for digests: a new token is a change."""
    return [
        json.dumps([name, record.generation, record.token.day, record.token.hours])
        for name, record in lock.nodes.items()
        if record.token
    ]


def pool_variables(design: Design, pool: Machine, digest: str) -> dict[str, Any]:
    """What Terraform is told of a pool.

    Args:
        design: the cluster.
        pool: the pool.
        digest: of its public rendering.
    """
    assert pool.elastic is not None  # noqa: S101
    return {
        "min": pool.elastic.min,
        "max": pool.elastic.max,
        "user_data": f"{pool.name}/user-data",
        "zones": pool_zones(design, pool),
        "labels": dict(pool.labels),
        "taints": [
            {"key": taint.key, "value": taint.value, "effect": taint.effect}
            for taint in pool.taints
        ],
        **({"tags": autoscaling_tags(design, pool)} if design.platform.name == "aws" else {}),
        "digest": digest,
    }


def autoscaling_tags(design: Design, pool: Machine) -> dict[str, str]:
    """Tags by which cluster-autoscaler finds the group, and knows its nodes while there is none.

    kubernetes/autoscaler, cluster-autoscaler/cloudprovider/aws/README.md, Auto-Discovery Setup.
    """
    start = "k8s.io/cluster-autoscaler/"
    labels = {f"{start}node-template/label/{key}": value for key, value in pool.labels}
    taints = {
        f"{start}node-template/taint/{taint.key}": f"{taint.value}:{taint.effect}"
        for taint in pool.taints
    }
    named = {f"{start}enabled": "true", f"{start}{design.cluster.name}": "owned"}
    return {**named, **labels, **taints}
