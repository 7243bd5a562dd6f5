"""Bad input: each mistake is named with line, path, rule and cure, and all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed.errors import SpecError
from tests.conftest import Change, design_of


def put(path: str, value: Any) -> Change:
    """Set ``a.b.0.c`` of a cluster file."""

    def change(spec: dict[str, Any]) -> None:
        *way, last = path.split(".")
        at: Any = spec
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        if isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value

    return change


def drop(path: str) -> Change:
    def change(spec: dict[str, Any]) -> None:
        *way, last = path.split(".")
        at: Any = spec
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        del at[int(last) if isinstance(at, list) else last]

    return change


def pool(**fields: Any) -> Change:
    entry = {"name": "web", "role": "worker", "count": 3, "firstAddress": "10.0.0.100", **fields}
    return lambda spec: spec.update(pools=[entry])


def aws(spec: dict[str, Any]) -> None:
    spec["platform"] = {"name": "aws", "region": "eu-central-1"}
    del spec["networking"]["nodeSubnet"]
    spec["networking"]["subnets"] = [{"cidr": "10.0.0.0/24", "zone": "eu-central-1a"}]


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
    "unknown key": ([put("etcd.runs", "systemd")], "etcd.runs: unknown key; did you mean run?"),
    "unknown platform key": (
        [put("platform.region", "x")],
        "platform.region: unknown key; known here: network, interface, gateways, nameservers, cpus",
    ),
    "version as number": (
        [put("kubernetes.version", 1.3)],
        "kubernetes.version: 1.3 without quotes is the number 1.3; write it in quotes",
    ),
    "version without patch": (
        [put("kubernetes.version", "1.37")],
        "kubernetes.version: '1.37' is no full version; write all three numbers",
    ),
    "unsupported version": (
        [put("kubernetes.version", "1.30.4")],
        "kubernetes.version: Kubernetes 1.30.4 is not supported; write a release of 1.31 to 1.37",
    ),
    "old etcd": ([put("etcd.version", "3.5.9")], "etcd.version: etcd 3.5.9 is not supported"),
    "overlapping subnets": (
        [put("networking.podSubnet", "10.0.0.0/16")],
        "networking.nodeSubnet: 10.0.0.0/24 overlaps 10.0.0.0/16",
    ),
    "address outside": (
        [put("nodes.3.address", "10.9.0.1")],
        "nodes[3].address: 10.9.0.1 of worker-1 lies in no subnet of the machines",
    ),
    "address twice": (
        [put("nodes.3.address", "10.0.0.11")],
        "nodes[3].address: 10.0.0.11 of worker-1 is also cp-1's",
    ),
    "network address": (
        [put("nodes.3.address", "10.0.0.0")],
        "nodes[3].address: 10.0.0.0 of worker-1 is reserved by NoCloud",
    ),
    "address reserved by the platform": (
        [aws, put("nodes.3.address", "10.0.0.3")],
        (
            "nodes[3].address: 10.0.0.3 of worker-1 is reserved by Amazon EC2 in 10.0.0.0/24; "
            "use 10.0.0.4 to 10.0.0.254"
        ),
    ),
    "no DNS label": (
        [put("nodes.3.name", "Worker_1")],
        "nodes[3].name: 'Worker_1' is no DNS label",
    ),
    "name twice": (
        [put("nodes.3.name", "cp-1")],
        "nodes[3].name: cp-1 is there twice",
    ),
    "name clashes with a pool's": (
        [put("nodes.3.name", "web-2"), pool()],
        "pools[0].name: web-2 is there twice",
    ),
    "pool runs out of its subnet": (
        [pool(count=200)],
        "pools[0].firstAddress: 10.0.0.255 of web-156 is reserved by",
    ),
    "two control planes": ([drop("nodes.2")], "nodes: two control planes are worse than one"),
    "even etcd members": (
        [
            put("nodes.3", {"name": "cp-4", "role": "control-plane", "address": "10.0.0.14"}),
        ],
        "nodes: 4 etcd members: an even number tolerates no more failures than 3",
    ),
    "no control plane": (
        [drop("nodes.0"), drop("nodes.0"), drop("nodes.0")],
        "nodes: there is no control plane",
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
    "pod subnet too small": (
        [put("networking.podSubnet", "10.244.0.0/23")],
        (
            "networking.podSubnet: 10.244.0.0/23 has room for 2 nodes of /24 each, there are 4; "
            "use a prefix length of 22 or less"
        ),
    ),
    "pod subnet too small for bridge": (
        [put("networking.cni", "bridge"), put("networking.podSubnet", "10.244.0.0/17")],
        (
            "networking.podSubnet: 10.244.0.0/17 is too small: cni: bridge gives each address of "
            "10.0.0.0/24 a pod subnet; write 10.244.0.0/16"
        ),
    ),
    "bridge on a cloud": (
        [aws, put("networking.cni", "bridge")],
        "networking.cni: cni: bridge cannot work on Amazon EC2",
    ),
    "bridge without nodeSubnet": (
        [put("networking.cni", "bridge"), drop("networking.nodeSubnet")],
        "networking: cni: bridge needs nodeSubnet",
    ),
    "IPv6 address that no node routes": (
        [
            put("networking.cni", "bridge"),
            put("networking.podSubnet", ["10.244.0.0/16", "fd00:244::/48"]),
            put("networking.serviceSubnet", ["10.96.0.0/12", "fd00:96::/112"]),
            put("networking.nodeSubnet", ["10.0.0.0/24", "fd00::/64"]),
            put("nodes.3.address", ["10.0.0.21", "fd00::1:21"]),
        ],
        (
            "nodes[3].address: cni: bridge routes the first 1022 addresses of fd00::/64, and "
            "fd00::1:21 of worker-1 is none of them; use fd00::1 to fd00::3fe"
        ),
    ),
    "RSA with derived keys": (
        [put("pki.classes.server.algorithm", "RSA-2048")],
        "pki.classes.server.algorithm: RSA-2048 keys cannot be derived; write `pki.keys: stored`",
    ),
    "P-384 before 1.34": (
        [
            put("pki", {"keys": "stored", "classes": {"peer": {"algorithm": "ECDSA-P384"}}}),
            put("kubernetes.version", "1.33.1"),
        ],
        "pki.classes.peer.algorithm: kubeadm 1.33.1 does not know ECDSA-P384",
    ),
    "label that a kubelet may not set": (
        [put("nodes.3.labels", {"node-role.kubernetes.io/worker": ""})],
        "nodes[3].labels.node-role.kubernetes.io/worker: a kubelet may not give its own node",
    ),
    "file in nodeseed's place": (
        [put("files", [{"path": "/etc/kubernetes/pki/ca.key", "content": "x"}])],
        "files[0].path: /etc/kubernetes/pki/ca.key lies where nodeseed writes",
    ),
    "families in another order": (
        [put("networking.serviceSubnet", ["10.96.0.0/12", "fd00:96::/112"])],
        "networking.serviceSubnet: podSubnet has IPv4, serviceSubnet IPv4, IPv6",
    ),
    "unknown platform": (
        [put("platform", {"name": "ec2"})],
        "platform.name: 'ec2' is no platform; write one of aws,",
    ),
    "key that cloud-init would misread": (
        [put("ssh", {"authorizedKeys": ["ssh-ed25519 AAAA MIME-Version: 1.0"]})],
        "ssh.authorizedKeys[0]: cloud-init would read the whole user-data as a mail",
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
    "configuration that is no mapping": (
        [put("kubelet.configuration", ["a"])],
        "kubelet.configuration: ['a'] is no mapping; write `key: value` pairs here",
    ),
    "unknown cgroup driver": (
        [put("kubelet.configuration", {"cgroupDriver": "none"})],
        "kubelet.configuration.cgroupDriver: 'none' is no cgroup driver; write systemd or cgroupfs",
    ),
    "memory without unit": (
        [put("platform.memory", "2048")],
        "platform.memory: '2048' does not have the right form; it must match",
    ),
    "host bits": (
        [put("networking.nodeSubnet", "10.0.0.7/24")],
        "networking.nodeSubnet: '10.0.0.7/24' has bits behind its prefix length; write 10.0.0.0/24",
    ),
    "static network without gateway": (
        [put("platform.network", "static")],
        "platform: network: static without gateways; write platform.gateways",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_path_rule_and_cure(name: str) -> None:
    changes, expected = BAD[name]
    with pytest.raises(SpecError) as refused:
        design_of(*changes)
    lines = str(refused.value).splitlines()
    assert any(expected in line for line in lines), "\n".join(lines)
    for problem in refused.value.problems:
        assert problem.file == "test.yaml"
        assert problem.line is not None
        assert problem.cure


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(SpecError) as refused:
        design_of(
            put("colour", "red"),
            put("kubernetes.version", "1.20.1"),
            put("nodes.3.address", "10.0.0.11"),
            put("endpoint.port", 443),
            put("networking.podSubnet", "10.244.0.0/23"),
        )
    assert len(refused.value.problems) == 5


def test_a_large_pool_with_one_mistake_says_it_three_times_at_most() -> None:
    with pytest.raises(SpecError) as refused:
        design_of(pool(count=5000, firstAddress="10.9.0.1"))
    same = [problem for problem in refused.value.problems if "lies in no subnet" in problem.rule]
    assert len(same) == 3


@pytest.mark.parametrize("version", ["1.31.0", "1.32.1", "1.33.2", "1.34.3", "1.35.4", "1.36.5"])
def test_every_supported_version_is_accepted(version: str) -> None:
    assert design_of(put("kubernetes.version", version)).proxy_mode in ("iptables", "nftables")
