"""Bad machines and networks: each mistake is named with path, rule and cure, all at once."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed.errors import SpecError
from tests.conftest import Change, design_of
from tests.nodes.changes import assert_refused, aws, drop, put


def pool(**fields: Any) -> Change:
    entry = {"name": "web", "role": "worker", "count": 3, "firstAddress": "10.0.0.100", **fields}
    return lambda spec: spec.update(pools=[entry])


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
    "no cloud to control": (
        [put("platform.cloudProvider", "external")],
        "platform.cloudProvider: NoCloud (ISO, USB, bare metal) has no cloud controller manager",
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
    assert_refused(*BAD[name])


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
