"""The cluster's DNS: how much CoreDNS there is, whom it asks, and what stands before it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from nodeseed.spec.fields import (
    Block,
    Form,
    OneAddress,
    Unique,
    in_bytes,
    is_dns_name,
    line,
    parse_address,
    refusal,
)

_LISTS = Field(strict=False)  # YAML has lists; we keep tuples, which cannot change
_SERVER = re.compile(r"(?:\[([^]]+)\]|([^:]+)):([1-9][0-9]{0,4})")


def cpu(value: Any) -> str:
    """Processor time as Kubernetes writes it: ``100m`` (thousandths of a core) or ``2``."""
    return _quantity(value, r"[1-9][0-9]{0,6}m?", "CPU", "write thousandths or cores: 100m, 2")


def memory(value: Any) -> str:
    """Memory as Kubernetes writes it: ``70Mi``."""
    return _quantity(
        value, r"[1-9][0-9]{0,9}(Ki|Mi|Gi)", "memory", "write it with its unit: 70Mi, 1Gi"
    )


def _quantity(value: Any, pattern: str, what: str, cure: str) -> str:
    text = str(value) if type(value) is int else line(value)
    if not re.fullmatch(pattern, text):
        raise refusal(f"{text!r} is no amount of {what}", cure)
    return text


def amount(text: str) -> int:
    """An amount to compare with others of its kind: thousandths of a core, or bytes."""
    if text.endswith("i"):
        return in_bytes(text)
    return int(text[:-1]) if text.endswith("m") else int(text) * 1000


def zone(value: Any) -> str:
    """The name of a DNS zone, without a dot at its end."""
    text = line(value)
    if not is_dns_name(text):
        raise refusal(
            f"{text!r} is no DNS zone",
            "write a lower-case name such as corp.example.com, without a dot at its end",
        )
    return text


def server(value: Any) -> str:
    """A DNS server: its address, with a port where that is not 53."""
    text = line(value)
    parts = _SERVER.fullmatch(text)
    host, port = (parts[1] or parts[2], int(parts[3])) if parts else (text, 53)
    address = parse_address(host)
    if address is None or port > 65535 or (parts and (address.version == 6) != bool(parts[1])):
        raise refusal(
            f"{text!r} is no address of a DNS server",
            "write an IP address, with a port if it is not 53: 10.0.0.53:5353, [fd00::53]:5353",
        )
    if port == 53:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def address_of(text: str) -> str:
    """The IP address of a :func:`server`."""
    parts = _SERVER.fullmatch(text)
    return (parts[1] or parts[2]) if parts else text


Cpu = Annotated[str, PlainValidator(cpu), Form("CPU: 100m, 2")]
Memory = Annotated[str, PlainValidator(memory), Form("memory: 70Mi, 1Gi")]
Zone = Annotated[str, PlainValidator(zone), Form("DNS zone")]
Server = Annotated[str, PlainValidator(server), Form("IP address, or address:port")]
Servers = Annotated[tuple[Server, ...], _LISTS, Unique]


class Requests(Block):
    """What a pod of CoreDNS asks for."""

    cpu: Cpu = Field(default="100m", description="CPU that the scheduler sets aside.")
    memory: Memory = Field(default="70Mi", description="Memory that the scheduler sets aside.")


class Limits(Block):
    """What a pod of CoreDNS gets at most."""

    cpu: Cpu | None = Field(
        default=None, description="CPU; above it the pod is slowed down. Default: no limit."
    )
    memory: Memory = Field(default="170Mi", description="Memory; above it the pod is killed.")


class DnsAutoscaling(Block):
    """The number of replicas follows from the cluster's size (cluster-proportional-autoscaler)."""

    coresPerReplica: Annotated[int, Field(ge=1)] = Field(  # noqa: N815
        default=256, description="One replica for so many cores of all nodes …"
    )
    nodesPerReplica: Annotated[int, Field(ge=1)] = Field(  # noqa: N815
        default=16, description="… or for so many nodes, whichever gives more."
    )
    min: Annotated[int, Field(ge=1)] = Field(default=2, description="Never fewer.")
    max: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Never more.")


class NodeLocalDns(Block):
    """A DNS cache on every node (k8s-dns-node-cache)."""

    address: OneAddress | None = Field(
        default=None,
        description="Where it listens on each node; nothing else may use it. Default: "
        "169.254.20.10; on IPv6 there is none.",
    )


class Dns(Block):
    """CoreDNS. Where the block is missing it is as kubeadm sets it up; see docs/dns.md."""

    replicas: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="How many. Default: 2, or what `autoscaling` says."
    )
    requests: Requests = Field(default_factory=Requests, description="Resources asked for.")
    limits: Limits = Field(default_factory=Limits, description="Resources at most.")
    cacheSize: Annotated[int, Field(ge=1024, le=10_000_000)] = Field(  # noqa: N815
        default=9984,
        description="Answers that each replica keeps, and as many refusals; CoreDNS rounds down "
        "to a multiple of 256.",
    )
    maxConcurrent: Annotated[int, Field(ge=1, le=1_000_000)] = Field(  # noqa: N815
        default=1000,
        description="Queries that a replica forwards at a time; more are refused, so that its "
        "memory stays bounded (2 KB each).",
    )
    upstreams: Servers = Field(
        default=(),
        description="Who is asked for names outside the cluster. Default: those in the node's own "
        "resolv.conf.",
    )
    zones: dict[Zone, Annotated[Servers, Field(min_length=1)]] = Field(
        default_factory=dict, description="Zones with servers of their own (stub domains)."
    )
    autoscaling: DnsAutoscaling | None = Field(
        default=None, description="Replicas by nodes and cores; instead of `replicas`."
    )
    nodeLocal: NodeLocalDns | None = Field(  # noqa: N815
        default=None, description="A cache on every node; `{}` turns it on."
    )
