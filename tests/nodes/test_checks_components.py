"""Bad endpoints, software and components: each mistake is named with path, rule and cure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Change
from tests.nodes.changes import assert_refused, aws, drop, put


def balanced(address: str | None = "10.0.0.100", **fields: Any) -> Change:
    """The load balancer on the control planes, with a virtual address."""
    if address is not None:
        fields["address"] = address
    return lambda spec: spec["endpoint"].update(provider="haproxy-keepalived", **fields)


def software(source: str, **fields: Any) -> Change:
    return lambda spec: spec["kubernetes"].update(software={"source": source, **fields})


PACKAGES = {"key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"}
BINARIES = {"sha256": dict.fromkeys(("kubelet", "kubeadm", "kubectl"), "0" * 64)}


BAD: dict[str, tuple[list[Change], str]] = {
    "old etcd": ([put("etcd.version", "3.5.9")], "etcd.version: etcd 3.5.9 is not supported"),
    "quota without unit": (
        [put("etcd.quota", "4000000000")],
        "etcd.quota: '4000000000' is no amount; write whole Mi or Gi: 512Mi, 4Gi",
    ),
    "quota that etcd could not live with": (
        [put("etcd.quota", "16Gi")],
        "etcd.quota: 16Gi is more than etcd's guide allows: recovery takes too long; write 256Mi",
    ),
    "quota that a new cluster fills": (
        [put("etcd.quota", "100Mi")],
        "etcd.quota: 100Mi: a new cluster needs tens of Mi, and a full etcd takes no writes; write",
    ),
    "quota said twice": (
        [
            put("etcd.quota", "4Gi"),
            put("etcd.extraArgs", [{"name": "quota-backend-bytes", "value": "1"}]),
        ],
        "etcd.extraArgs[0]: etcd.quota says it, too; take one of the two out",
    ),
    "gain that is never reached": (
        [put("etcd.maintenance.minimumGain", "2Gi")],
        "etcd.maintenance.minimumGain: 2Gi is all that etcd may hold: it would never be defragmen",
    ),
    "interval in minutes": (
        [put("etcd.maintenance.interval", "30m")],
        "etcd.maintenance.interval: '30m' is no duration; write whole hours or days: 43800h, 7d",
    ),
    "endpoint is a node's name": (
        [put("endpoint.host", "cp-1")],
        "endpoint.host: the endpoint has the name of node cp-1",
    ),
    "endpoint is a node's address": (
        [put("endpoint.host", "10.0.0.11")],
        "endpoint.host: 10.0.0.11 is the address of node cp-1",
    ),
    "nothing listens on the endpoint's port": (
        [put("endpoint.port", 443)],
        "endpoint.port: nothing would listen on port 443 of a control plane",
    ),
    "address as endpoint where hairpin fails": (
        [aws, put("endpoint.host", "10.0.0.200")],
        "endpoint.host: an address as endpoint: on Amazon EC2 a control plane cannot reach itself",
    ),
    "virtual address missing": (
        [balanced(None)],
        (
            "endpoint: haproxy-keepalived needs the virtual address that api.test.example.com "
            "means; write endpoint.address"
        ),
    ),
    "two virtual addresses": (
        [balanced("10.0.0.100", host="10.0.0.101")],
        "endpoint.address: endpoint.host is another address, 10.0.0.101; leave endpoint.address",
    ),
    "virtual address outside": (
        [balanced("10.9.0.1")],
        "endpoint.address: 10.9.0.1 lies in no subnet of the machines; use a free address in 10.0",
    ),
    "virtual address without subnet": (
        [balanced(), drop("networking.nodeSubnet")],
        "endpoint.address: 10.0.0.100 lies in no subnet of the machines; write networking.nodeSub",
    ),
    "virtual address is a node's": (
        [balanced("10.0.0.21")],
        "endpoint.address: 10.0.0.21 is the address of node worker-1; use a free address",
    ),
    "virtual address as host is a node's": (
        [balanced(None, host="10.0.0.21")],
        "endpoint.host: 10.0.0.21 is the address of node worker-1; use a free address",
    ),
    "virtual address is reserved": (
        [balanced("10.0.0.255")],
        "endpoint.address: 10.0.0.255 is reserved by NoCloud (ISO, USB, bare metal) in 10.0.0.0/24",
    ),
    "virtual address is the gateway": (
        [balanced("10.0.0.1"), put("platform.gateways", "10.0.0.1")],
        "endpoint.address: 10.0.0.1 is the gateway; use a free address",
    ),
    "control planes in several subnets": (
        [
            balanced("10.0.0.100"),
            drop("networking.nodeSubnet"),
            put("networking.subnets", [{"cidr": "10.0.0.0/24"}, {"cidr": "10.0.1.0/24"}]),
            put("nodes.2.address", "10.0.1.13"),
        ],
        "endpoint.address: cp-3 has no address in 10.0.0.0/24, so 10.0.0.100 cannot move to it",
    ),
    "virtual address of another family": (
        [balanced("fd00::100"), put("networking.nodeSubnet", ["10.0.0.0/24", "fd00::/64"])],
        "endpoint.address: cp-1 has no address in fd00::/64",
    ),
    "virtual address on a cloud": (
        [aws, balanced()],
        (
            "endpoint.provider: haproxy-keepalived cannot work on Amazon EC2, whose network lets "
            "no address move from machine to machine; write `provider: external`"
        ),
    ),
    "ports that nothing listens on": (
        [balanced(port=443)],
        (
            "endpoint.port: nothing would listen on port 443 of a control plane, where "
            "api.test.example.com means the node itself; write port 6443, as apiServer.port, or "
            "8443 beside apiServer.port 6443"
        ),
    ),
    "default port beside another of the API server": (
        [balanced(None, host="10.0.0.100"), put("apiServer", {"port": 7443})],
        (
            "endpoint.port: nothing would listen on port 8443 of a control plane; write port 7443, "
            "as apiServer.port, or 8443 beside apiServer.port 6443"
        ),
    ),
    "key of another endpoint": (
        [put("endpoint.address", "10.0.0.100")],
        "endpoint.address: unknown key",
    ),
    "unknown endpoint": (
        [put("endpoint.provider", "f5")],
        "endpoint.provider: 'f5' is no endpoint provider; write one of external, haproxy",
    ),
    "packages without their block": (
        [software("packages"), put("etcd.run", "static-pod")],
        "kubernetes.software.source: packages without kubernetes.software.packages; add that block",
    ),
    "packages that nobody reads": (
        [software("baked", packages=PACKAGES)],
        "kubernetes.software.packages: nobody would read it (source: baked); write `source: pack",
    ),
    "packages have no etcd": (
        [software("packages", packages=PACKAGES)],
        "kubernetes.software.source: pkgs.k8s.io has no package with etcd; write `etcd.run: static",
    ),
    "packages with a key that is none": (
        [software("packages", packages={"key": "abc"}), put("etcd.run", "static-pod")],
        "kubernetes.software.packages.key: this is no OpenPGP key in ASCII armour; put the text of",
    ),
    "repository with a key that is none": (
        [
            software(
                "packages",
                packages={
                    **PACKAGES,
                    "repositories": [{"name": "docker", "source": "deb x", "key": "abc"}],
                },
            ),
            put("etcd.run", "static-pod"),
        ],
        "kubernetes.software.packages.repositories[0].key: this is no OpenPGP key",
    ),
    "binaries without their block": (
        [software("binaries")],
        "kubernetes.software.source: binaries without kubernetes.software.binaries; add that block",
    ),
    "digest that is none": (
        [software("binaries", binaries={"sha256": {**BINARIES["sha256"], "kubelet": "abc"}})],
        "kubernetes.software.binaries.sha256.kubelet: 'abc' is no SHA-256 digest; write its 64 hex",
    ),
    "URL that is none": (
        [software("binaries", binaries={**BINARIES, "url": "file:///srv"})],
        "kubernetes.software.binaries.url: 'file:///srv' is no URL; write it such as https://dl",
    ),
    "kubelet field that is decided elsewhere": (
        [put("kubelet.configuration", {"clusterDNS": ["10.0.0.1"]})],
        (
            "kubelet.configuration.clusterDNS: clusterDNS is not yours to set; it follows from "
            "networking.serviceSubnet"
        ),
    ),
    "kube-proxy field that is decided elsewhere": (
        [put("proxy.configuration", {"mode": "ipvs"})],
        "proxy.configuration.mode: mode is not yours to set; write proxy.mode",
    ),
    "ipvs's fields in another mode": (
        [put("proxy.configuration", {"ipvs": {"strictARP": True}})],
        (
            "proxy.configuration.ipvs: nobody would read it: kube-proxy's mode is nftables; write "
            "nftables, or `proxy.mode: ipvs`"
        ),
    ),
    "unknown scheduler of ipvs": (
        [put("proxy", {"mode": "ipvs", "configuration": {"ipvs": {"scheduler": "fair"}}})],
        "proxy.configuration.ipvs.scheduler: Linux has no IPVS scheduler 'fair'; write one of rr,",
    ),
    "mode that is none": (
        [put("proxy.mode", "userspace")],
        "proxy.mode: 'userspace' is not known here; write 'nftables', 'iptables' or 'ipvs'",
    ),
    "size that is none": (
        [put("size", "huge")],
        "size: 'huge' is not known here; write 'standard', 'large' or 'very-large'",
    ),
    "Lease that ends before its leader gives up": (
        [put("scheduler.leaderElection.leaseDuration", "10s")],
        (
            "scheduler.leaderElection.leaseDuration: the Lease (10s) ends before its leader gives "
            "up (10s): two of them would lead; write more than 10s, or a shorter renewDeadline"
        ),
    ),
    "leader without a second try": (
        [put("controllerManager.leaderElection.retryPeriod", "9s")],
        (
            "controllerManager.leaderElection.renewDeadline: 10s leave a leader that tries every "
            "9s no second try; write more than 10.8s (1.2 times retryPeriod), or a shorter"
        ),
    ),
    "timing of no length": (
        [put("scheduler.leaderElection.retryPeriod", "0s")],
        "scheduler.leaderElection.retryPeriod: '0s' is no duration; write whole seconds or minutes",
    ),
    "timing as a flag": (
        [put("scheduler.extraArgs", [{"name": "leader-elect-renew-deadline", "value": "20s"}])],
        (
            "scheduler.extraArgs[0]: leader-elect-renew-deadline is checked together with the "
            "other timings; write scheduler.leaderElection.renewDeadline"
        ),
    ),
    "unelected beside others": (
        [put("controllerManager.extraArgs", [{"name": "leader-elect", "value": "false"}])],
        (
            "controllerManager.extraArgs[0]: without an election 3 of them would work at the same "
            "time; take it out"
        ),
    ),
    "configuration that is no mapping": (
        [put("kubelet.configuration", ["a"])],
        "kubelet.configuration: ['a'] is no mapping; write `key: value` pairs here",
    ),
    "unknown cgroup driver": (
        [put("kubelet.configuration", {"cgroupDriver": "none"})],
        "kubelet.configuration.cgroupDriver: 'none' is no cgroup driver; write systemd or cgroupfs",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_path_rule_and_cure(name: str) -> None:
    assert_refused(*BAD[name])
