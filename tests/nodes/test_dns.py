"""The cluster's DNS: what is refused, and what follows from what the cluster file says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodeseed.nodes.dns import dns_sets, dns_values
from tests.conftest import Change, design_of
from tests.nodes.changes import assert_refused, put


def dns(**fields: Any) -> Change:
    return put("dns", fields)


IPV6: list[Change] = [
    put(
        "networking",
        {
            "podSubnet": "fd01::/48",
            "serviceSubnet": "fd02::/112",
            "nodeSubnet": "fd00::/64",
            "cni": "none",
        },
    ),
    put("nodes", [{"name": "cp-1", "role": "control-plane", "address": "fd00::11"}]),
]

BAD: dict[str, tuple[list[Change], str]] = {
    "limit below request": (
        [dns(requests={"cpu": "70m"}, limits={"cpu": "50m"})],
        (
            "dns.limits.cpu: the limit of cpu, 50m, is below what is requested, 70m; "
            "write a limit of 70m or more, or request 50m or less"
        ),
    ),
    "limit below request in other units": (
        [dns(requests={"memory": "1Gi"}, limits={"memory": "1023Mi"})],
        "dns.limits.memory: the limit of memory, 1023Mi, is below what is requested, 1Gi",
    ),
    "request above the limit that is the default": (
        [dns(requests={"memory": "200Mi"})],
        "dns.requests.memory: the limit of memory, 170Mi, is below what is requested, 200Mi",
    ),
    "limit below the request that is the default": (
        [dns(limits={"cpu": "50m"})],
        "dns.limits.cpu: the limit of cpu, 50m, is below what is requested, 100m",
    ),
    "CPU that is none": (
        [dns(limits={"cpu": "100"}, requests={"cpu": "0.1 cores"})],
        "dns.requests.cpu: '0.1 cores' is no amount of CPU; write thousandths or cores: 100m, 2",
    ),
    "memory without unit": (
        [dns(limits={"memory": 512})],
        "dns.limits.memory: '512' is no amount of memory; write it with its unit: 70Mi, 1Gi",
    ),
    "replicas and autoscaling": (
        [dns(replicas=6, autoscaling={})],
        (
            "dns.replicas: 6 replicas, and autoscaling decides how many; write one of the two; "
            "for at least 6: autoscaling.min"
        ),
    ),
    "fewer at most than at least": (
        [dns(autoscaling={"min": 4, "max": 3})],
        "dns.autoscaling.max: at most 3 replicas, and at least 4; write 4 or more, or a smaller",
    ),
    "no replicas": ([dns(replicas=0)], "dns.replicas: 0 is too small; write 1 or more"),
    "cache below what CoreDNS can": (
        [dns(cacheSize=1000)],
        "dns.cacheSize: 1000 is too small; write 1024 or more",
    ),
    "upstream by name": (
        [dns(upstreams=["dns.example.com"])],
        "dns.upstreams[0]: 'dns.example.com' is no address of a DNS server; write an IP address",
    ),
    "upstream with a port that is none": (
        [dns(upstreams=["10.0.0.53:70000"])],
        "dns.upstreams[0]: '10.0.0.53:70000' is no address of a DNS server",
    ),
    "upstream twice": (
        [dns(upstreams=["10.0.0.53", "10.0.0.53:53"])],
        "dns.upstreams: 10.0.0.53 stands in the list twice",
    ),
    "too many upstreams": (
        [dns(upstreams=[f"10.0.1.{n}" for n in range(1, 17)])],
        "dns.upstreams: there are 16 servers; CoreDNS takes 15 at most",
    ),
    "upstream that is the cluster's DNS": (
        [dns(upstreams=["10.96.0.10"])],
        (
            "dns.upstreams[0]: 10.96.0.10 is the cluster's own DNS, which would ask itself; "
            "name a server that pods can reach"
        ),
    ),
    "server of a zone that is the cache": (
        [dns(zones={"corp.example.com": ["169.254.20.10"]}, nodeLocal={})],
        "dns.zones.corp.example.com[0]: 169.254.20.10 is the cache on every node",
    ),
    "upstream on loopback": (
        [dns(upstreams=["127.0.0.53"])],
        "dns.upstreams[0]: 127.0.0.53 is a pod's own loopback address, where nobody answers",
    ),
    "multicast upstream": (
        [dns(upstreams=["224.0.0.251"])],
        "dns.upstreams[0]: 224.0.0.251 is no address of a machine",
    ),
    "zone without servers": (
        [dns(zones={"corp.example.com": []})],
        "dns.zones.corp.example.com: the list is empty; name at least one",
    ),
    "zone with a dot at its end": (
        [dns(zones={"corp.example.com.": ["10.0.0.53"]})],
        "'corp.example.com.' is no DNS zone; write a lower-case name such as corp.example.com",
    ),
    "zone of the Services": (
        [dns(zones={"cluster.local": ["10.0.0.53"]})],
        "dns.zones.cluster.local: zone cluster.local would take the place of cluster.local",
    ),
    "zone above the Services": (
        [dns(zones={"local": ["10.0.0.53"]})],
        "dns.zones.local: zone local would take the place of cluster.local, the names of Services",
    ),
    "zone below the Services": (
        [dns(zones={"svc.cluster.local": ["10.0.0.53"]})],
        "dns.zones.svc.cluster.local: zone svc.cluster.local would take the place of cluster.loc",
    ),
    "reverse zone of the Services": (
        [dns(zones={"10.in-addr.arpa": ["10.0.0.53"]})],
        (
            "dns.zones.10.in-addr.arpa: zone 10.in-addr.arpa is about 10.0.0.0/8, where "
            "10.96.0.0/12 of this cluster lies; name smaller zones, beside it"
        ),
    ),
    "every reverse zone": (
        [dns(zones={"in-addr.arpa": ["10.0.0.53"]})],
        "dns.zones.in-addr.arpa: zone in-addr.arpa is about 0.0.0.0/0, where 10.96.0.0/12",
    ),
    "reverse zone of IPv6 pods": (
        [*IPV6, dns(zones={"1.0.d.f.ip6.arpa": ["fd00::53"]})],
        "dns.zones.1.0.d.f.ip6.arpa: zone 1.0.d.f.ip6.arpa is about fd01::/16, where fd01::/48",
    ),
    "cache at a Service's address": (
        [dns(nodeLocal={"address": "10.96.0.20"})],
        "dns.nodeLocal.address: 10.96.0.20 lies in 10.96.0.0/12, whose addresses others use",
    ),
    "cache at a machine's address": (
        [dns(nodeLocal={"address": "10.0.0.11"})],
        "dns.nodeLocal.address: 10.0.0.11 lies in 10.0.0.0/24, whose addresses others use",
    ),
    "cache at an address of the Internet": (
        [dns(nodeLocal={"address": "1.1.1.1"})],
        "dns.nodeLocal.address: 1.1.1.1 may belong to somebody else; write a link-local or priv",
    ),
    "cache on loopback": (
        [dns(nodeLocal={"address": "127.0.0.53"})],
        "dns.nodeLocal.address: 127.0.0.53 may belong to somebody else",
    ),
    "cache where clouds have their metadata": (
        [dns(nodeLocal={"address": "169.254.169.254"})],
        "dns.nodeLocal.address: 169.254.169.254 lies where clouds have services of their own",
    ),
    "cache without address on IPv6": (
        [*IPV6, dns(nodeLocal={})],
        (
            "dns.nodeLocal: the cache's address is IPv4, the cluster's DNS has IPv6; write an "
            "address such as fd00::10"
        ),
    ),
    "unknown key": ([dns(replica=6)], "dns.replica: unknown key; did you mean replicas?"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_path_rule_and_cure(name: str) -> None:
    assert_refused(*BAD[name])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"replicas": 1, "limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "1000m"}},
        {"upstreams": ["10.0.0.53:5353", "[fd00::53]:53", "fd00::54"]},
        {"zones": {"corp": ["10.96.0.53"], "0-63.2.0.192.in-addr.arpa": ["10.0.0.53"]}},
        {"zones": {"168.192.in-addr.arpa": ["10.0.0.53"], "local.example": ["10.0.0.53"]}},
        {"autoscaling": {"min": 1, "max": 1}, "nodeLocal": {"address": "192.168.9.9"}},
    ],
    ids=range(6),
)
def test_what_is_right_is_accepted(fields: dict[str, Any]) -> None:
    assert design_of(dns(**fields)).cluster.dns is not None


def test_pods_ask_the_cache_where_it_cannot_intercept() -> None:
    for mode, asked in (
        ("iptables", "10.96.0.10"),
        ("nftables", "169.254.20.10"),
        ("ipvs", "169.254.20.10"),
    ):
        design = design_of(dns(nodeLocal={}), put("proxy.mode", mode))
        assert dns_values(design)["dns_server"] == asked, mode
        assert dns_values(design)["dns_address"] == "10.96.0.10"
    assert dns_values(design_of(dns()))["dns_server"] == "10.96.0.10"


def test_zones_count_only_where_every_node_lies_in_one() -> None:
    label = "topology.kubernetes.io/zone"

    def spread(*nodes: int) -> list[str]:
        labels = [put(f"nodes.{node}.labels", {label: f"zone-{node}"}) for node in nodes]
        found: list[str] = dns_values(design_of(dns(), *labels))["dns_spread"]
        return found

    assert spread(0, 1, 2, 3) == ["kubernetes.io/hostname", label]
    assert spread(0, 1, 2) == ["kubernetes.io/hostname"]


def test_an_autoscaler_takes_the_place_of_a_number() -> None:
    design = design_of(dns(autoscaling={"nodesPerReplica": 8, "min": 3, "max": 9}))
    values = dns_values(design)

    assert values["dns_replicas"] is None
    assert json.loads(values["dns_autoscaling"]) == {
        "coresPerReplica": 256,
        "nodesPerReplica": 8,
        "min": 3,
        "max": 9,
        "preventSinglePointFailure": True,
        "includeUnschedulableNodes": True,
    }
    assert dns_sets(design, design.control_planes[0]) == ["dns", "dns-autoscaling"]


def test_one_replica_at_least_is_what_the_autoscaler_is_told_too() -> None:
    values = dns_values(design_of(dns(autoscaling={"min": 1})))

    assert json.loads(values["dns_autoscaling"])["preventSinglePointFailure"] is False


def test_nodes_that_run_no_control_plane_get_no_files_for_it() -> None:
    design = design_of(dns(replicas=6, nodeLocal={}))

    assert {machine.name: dns_sets(design, machine) for machine in design.machines} == {
        "cp-1": ["dns", "dns-replicas", "dns-node-local"],
        "cp-2": ["dns", "dns-replicas", "dns-node-local"],
        "cp-3": ["dns", "dns-replicas", "dns-node-local"],
        "worker-1": [],
    }
