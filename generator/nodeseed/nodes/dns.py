"""The cluster's DNS as templates need it: the same values whoever writes CoreDNS. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.spec.dns import Dns, DnsAutoscaling

NODE_LOCAL = "169.254.20.10"
# As Kubernetes 1.37's own add-ons have them (cluster/addons/dns*); neither follows its releases.
NODE_CACHE = "1.26.8"
AUTOSCALER = "1.8.4"
ZONE_LABEL = "topology.kubernetes.io/zone"


def dns_of(design: Design) -> Dns:
    """What the cluster file says, or kubeadm's own values where it says nothing."""
    return design.cluster.dns or Dns()


def node_local_address(design: Design) -> str:
    """Where the cache on every node listens; empty where there is none."""
    cache = dns_of(design).nodeLocal
    if cache is None:
        return ""
    return str(cache.address or NODE_LOCAL)


def intercepts(design: Design) -> bool:
    """Whether the cache also takes what is sent to the Service's address.

    That is upstream's way with kube-proxy in iptables mode alone. With IPVS the address is on an
    interface already; for nftables nobody promises it (kubernetes/dns #682).
    """
    return design.proxy_mode == "iptables"


def _wanted(by: Callable[[Dns], bool]) -> Callable[[Design, Machine], bool]:
    """Only where the cluster file speaks of DNS, and on control planes: they apply it."""

    def wanted(design: Design, machine: Machine) -> bool:
        dns = design.cluster.dns
        return machine.role == "control-plane" and dns is not None and by(dns)

    return wanted


def _by_kubeadm(
    wanted: Callable[[Design, Machine], bool],
) -> Callable[[Design, Machine], bool]:
    """Only beside kubeadm, whose CoreDNS they change; our own add-ons have all of it at once."""
    return lambda design, machine: (
        design.cluster.controlPlane.manifests == "kubeadm" and wanted(design, machine)
    )


# Sets of files under cloud-init/, with what is the cluster's, the same on every control plane.
DNS_SETS: tuple[tuple[str, Callable[[Design, Machine], bool]], ...] = (
    ("dns", _by_kubeadm(_wanted(lambda dns: True))),
    ("dns-replicas", _by_kubeadm(_wanted(lambda dns: dns.autoscaling is None))),
    ("dns-autoscaling", _wanted(lambda dns: dns.autoscaling is not None)),
    ("dns-node-local", _wanted(lambda dns: dns.nodeLocal is not None)),
)


def dns_sets(design: Design, machine: Machine) -> list[str]:
    """Names of the sets that the machine gets for DNS."""
    return [name for name, wanted in DNS_SETS if wanted(design, machine)]


def dns_values(design: Design) -> dict[str, Any]:
    """What templates may use.

    ``dns_address`` is the Service's, ``dns_server`` whom pods ask; ``dns_replicas`` is None where
    an autoscaler decides.
    """
    dns = dns_of(design)
    local = node_local_address(design)
    limits = {"memory": dns.limits.memory} | ({"cpu": dns.limits.cpu} if dns.limits.cpu else {})
    return {
        "dns_address": design.dns_address,
        "dns_server": local if local and not intercepts(design) else design.dns_address,
        "dns_replicas": None if dns.autoscaling else dns.replicas or 2,
        "dns_resources": {
            "requests": {"cpu": dns.requests.cpu, "memory": dns.requests.memory},
            "limits": limits,
        },
        "dns_spread": ["kubernetes.io/hostname", *([ZONE_LABEL] if _has_zones(design) else [])],
        "dns_cache": dns.cacheSize,
        "dns_concurrent": dns.maxConcurrent,
        "dns_upstreams": list(dns.upstreams) or ["/etc/resolv.conf"],
        "dns_zones": {name: list(servers) for name, servers in dns.zones.items()},
        "dns_autoscaling": _linear(dns.autoscaling) if dns.autoscaling else "",
        "autoscaler_version": AUTOSCALER,
        "node_cache_version": NODE_CACHE,
        "node_local": local,
        "node_local_intercepts": intercepts(design),
    }


def _has_zones(design: Design) -> bool:
    """Whether every node lies in a zone: one that does not would get no pod at all if it counted.

    The scheduler gives no points to nodes that lack a label which a constraint names.
    """
    nodes = [machine for machine in design.machines if machine.is_node]
    return all(ZONE_LABEL in dict(machine.labels) for machine in nodes)


def _linear(autoscaling: DnsAutoscaling) -> str:
    """The autoscaler's own parameters, as it reads them: JSON."""
    return json.dumps(
        {
            "coresPerReplica": autoscaling.coresPerReplica,
            "nodesPerReplica": autoscaling.nodesPerReplica,
            "min": autoscaling.min,
            **({"max": autoscaling.max} if autoscaling.max else {}),
            "preventSinglePointFailure": autoscaling.min > 1,
            "includeUnschedulableNodes": True,
        }
    )
