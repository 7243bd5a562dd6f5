"""The platform's metadata service: who may use it, and what keeps pods away from it. Pure.

It hands out user-data and lends the machine's role to whoever asks. Pods ask through the node, so
the kernel's forward path is where they are told apart; what runs in the node's own network (the
node itself, pods with ``hostNetwork``) does not come that way.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.platforms import aws, nocloud
from nodeseed.platforms.platform import Platform
from nodeseed.spec.fields import Block

_TABLE: Final = "table inet metadata"


def like_ec2(platform: Platform, options: Block | None) -> Platform:
    """The row that says where the metadata service is and what its roles can read.

    NoCloud machines have one only if the operator says so, and then it is like EC2's.
    """
    if isinstance(options, nocloud.Options) and options.metadata == "ec2":
        return aws.PLATFORM
    return platform


def pods_kept_off(design: Design) -> str:
    """The argument of nft that refuses pods' connections; empty where there is nothing to refuse.

    Only TCP, but for DNS, which GCP, OCI and Azure serve at the same address. It may be run again:
    all of it changes at once. What other programs do to their own tables leaves it alone.
    """
    if design.cluster.networking.metadataFromPods == "allow":
        return ""
    found: dict[str, list[str]] = {}
    for text in like_ec2(design.platform, design.platform_options).metadata:
        version = ip_address(text).version
        if any(network.version == version for network in design.cluster.networking.podSubnet):
            found.setdefault("ip6" if version == 6 else "ip", []).append(text)
    rules = "".join(
        f"{family} daddr {{{','.join(texts)}}} tcp dport!=53 reject;"
        for family, texts in found.items()
    )
    if not rules:
        return ""
    chain = f"chain forward{{type filter hook forward priority 0;{rules}}}"
    return f"{_TABLE};delete {_TABLE};{_TABLE}{{{chain};}}"


def needs_nft(design: Design, machine: Machine) -> bool:
    """Whether the machine itself writes rules: kube-proxy's image brings a program of its own."""
    bridge = design.cluster.networking.cni == "bridge"
    return machine.is_node and (bridge or bool(pods_kept_off(design)))
