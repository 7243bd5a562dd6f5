"""A cluster as it will be: the file, its providers, its machines, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from nodeseed.endpoints.endpoint import Endpoint, VirtualAddress
from nodeseed.nodes.machine import Machine
from nodeseed.pki.certificates import CERTIFICATES, Certificate, Names
from nodeseed.pki.lock import ELASTIC
from nodeseed.platforms.platform import Platform
from nodeseed.spec.cluster import Cluster
from nodeseed.spec.fields import Address, Block, Network, parse_address
from nodeseed.spec.versions import ETCD, KUBERNETES, EtcdRelease, KubernetesRelease, minor_of
from nodeseed.transports.transport import Transport

PEER_PORT = 2380
CLIENT_PORT = 2379
API_PORT = 6443


@dataclass(frozen=True, eq=False)  # itself only: it is the key of caches
class Design:
    """A whole cluster, checked (see :mod:`nodeseed.nodes.checks`).

    Attributes:
        cluster: the cluster file.
        platform: its platform's row.
        platform_options: that platform's own keys.
        endpoint: its load balancer's row.
        endpoint_options: that load balancer's own keys.
        machines: every machine.
        manifests: content of the files that ``manifests:`` names, by name.
        transport: how payloads reach the machines.
        transport_options: that transport's own keys.
        pools: what all machines of each elastic pool have in common; not among ``machines``.
    """

    cluster: Cluster
    platform: Platform
    platform_options: Block
    endpoint: Endpoint
    endpoint_options: Block
    machines: tuple[Machine, ...]
    manifests: Mapping[str, str]
    transport: Transport
    transport_options: Block
    pools: tuple[Machine, ...]

    @cached_property
    def everyone(self) -> tuple[Machine, ...]:
        """All that there is user-data for: every machine, and every elastic pool."""
        return self.machines + self.pools

    @cached_property
    def kubernetes(self) -> KubernetesRelease:
        """What depends on the Kubernetes release."""
        return KUBERNETES[minor_of(self.cluster.kubernetes.version)]

    @cached_property
    def etcd_version(self) -> str:
        """The etcd that the members run."""
        return self.cluster.etcd.version or self.kubernetes.etcd

    @cached_property
    def etcd(self) -> EtcdRelease:
        """What depends on the etcd release."""
        return ETCD[minor_of(self.etcd_version)]

    @cached_property
    def control_planes(self) -> tuple[Machine, ...]:
        """The control-plane nodes."""
        return tuple(machine for machine in self.machines if machine.role == "control-plane")

    @cached_property
    def etcd_members(self) -> tuple[Machine, ...]:
        """The dedicated etcd nodes, or the control planes where there are none."""
        return etcd_members(self.machines)

    @cached_property
    def etcd_names(self) -> frozenset[str]:
        """Names of the etcd members."""
        return frozenset(machine.name for machine in self.etcd_members)

    @cached_property
    def peer_urls(self) -> dict[str, str]:
        """Peer URL of each etcd member, by name."""
        return {machine.name: url(machine.address, PEER_PORT) for machine in self.etcd_members}

    @cached_property
    def client_urls(self) -> tuple[str, ...]:
        """Client URLs of all etcd members."""
        return tuple(url(machine.address, CLIENT_PORT) for machine in self.etcd_members)

    @cached_property
    def endpoint_port(self) -> int:
        """The port that clients use."""
        return endpoint_port_of(self.cluster, self.endpoint, self.machines)

    @cached_property
    def balancers(self) -> tuple[Machine, ...]:
        """The nodes that balance; none where the operator's own machine does."""
        return balancers(self.endpoint, self.machines)

    def balances(self, machine: Machine) -> bool:
        """Whether the machine is one of them."""
        return machine.role == self._balancing_role

    @cached_property
    def _balancing_role(self) -> str:
        """The role of the nodes that balance, elastic pools included; empty where none does."""
        return next((machine.role for machine in balancers(self.endpoint, self.everyone)), "")

    @cached_property
    def virtual_address(self) -> Address | None:
        """The endpoint's address where nodes hold it by turns."""
        return virtual_address_of(self.cluster, self.endpoint_options)

    @cached_property
    def endpoint_url(self) -> str:
        """The API as workers and people reach it."""
        return url(self.cluster.endpoint.host, self.endpoint_port)

    @cached_property
    def proxy_mode(self) -> str:
        """kube-proxy's mode; always written."""
        return self.cluster.proxy.mode or self.kubernetes.proxy_mode

    @cached_property
    def service_addresses(self) -> tuple[str, ...]:
        """First address of each service subnet: the Service ``kubernetes``."""
        return tuple(str(subnet[1]) for subnet in self.cluster.networking.serviceSubnet)

    @cached_property
    def dns_address(self) -> str:
        """Tenth address of the service subnet: the cluster's DNS (kubeadm's GetDNSIP)."""
        return str(self.cluster.networking.serviceSubnet[0][10])

    def node_subnet(self, machine: Machine) -> tuple[Network, ...]:
        """The subnets in which the machine's addresses lie."""
        return tuple(
            subnet
            for address in machine.addresses
            for subnet in node_subnets(self.cluster)
            if address in subnet
        )

    def holders(self, role: str, *, member: bool) -> tuple[str, ...]:
        """What a machine is, in the words of the certificate table."""
        kinds = []
        if role == "control-plane":
            kinds.append("control-plane")
        if member:
            kinds.append("etcd-member")
        if role in ("control-plane", "worker"):
            kinds.append("kubelet")
        if role == "load-balancer":
            kinds.append("load-balancer")
        if self.endpoint.holder and self.balancers and role == self.balancers[0].role:
            kinds.append(self.endpoint.holder)
        return tuple(kinds)

    def certificates(self, machine: Machine) -> tuple[Certificate, ...]:
        """The rows whose private keys the machine's user-data holds: none in an elastic pool."""
        if machine.elastic:
            return ()
        return self.rows(machine.role, member=machine.name in self.etcd_names)

    def rows(self, role: str, *, member: bool) -> tuple[Certificate, ...]:
        """The rows that such a machine holds."""
        holders = self.holders(role, member=member)
        ways = ("", self.cluster.controlPlane.manifests)
        return tuple(row for row in CERTIFICATES if row.holder in holders and row.way in ways)

    @cached_property
    def holdings(self) -> dict[str, tuple[str, ...]]:
        """Names of the rows that each role of this cluster holds."""
        stacked = not any(machine.role == "etcd" for machine in self.machines)
        return {
            role: tuple(
                row.name
                for row in self.rows(role, member=role == ("control-plane" if stacked else "etcd"))
            )
            for role in sorted({machine.role for machine in self.machines})
        } | ({ELASTIC: ()} if self.pools else {})

    def names(self, machine: Machine) -> Names:
        """What the machine's certificates are made out to."""
        domain = self.cluster.networking.dnsDomain
        return Names(
            node=machine.name,
            addresses=tuple(str(address) for address in machine.addresses),
            service_names=(
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                f"kubernetes.default.svc.{domain}",
            ),
            service_addresses=self.service_addresses,
            endpoint=self.cluster.endpoint.host,
            virtual_address=str(self.virtual_address or ""),
            extra=self.cluster.apiServer.certSANs,
        )

    def local_api(self, machine: Machine) -> str:
        """The API server of a control plane, at its own address."""
        return url(machine.address, self.cluster.apiServer.port)


def etcd_members(machines: tuple[Machine, ...]) -> tuple[Machine, ...]:
    """The dedicated etcd nodes, or the control planes where there are none."""
    dedicated = tuple(machine for machine in machines if machine.role == "etcd")
    return dedicated or tuple(m for m in machines if m.role == "control-plane")


def balancers(endpoint: Endpoint, machines: tuple[Machine, ...]) -> tuple[Machine, ...]:
    """The nodes that balance: those of the first of the endpoint's roles that there are."""
    by_role = (tuple(m for m in machines if m.role == role) for role in endpoint.roles)
    return next(filter(None, by_role), ())


def endpoint_port_of(cluster: Cluster, endpoint: Endpoint, machines: tuple[Machine, ...]) -> int:
    """The port that clients use, written or not."""
    found = balancers(endpoint, machines)
    beside = endpoint.beside if found and found[0].role == "control-plane" else None
    return cluster.endpoint.port or beside or API_PORT


def virtual_address_of(cluster: Cluster, options: Block | None) -> Address | None:
    """The address that nodes hold by turns; None where the load balancer has its own."""
    if not isinstance(options, VirtualAddress):
        return None
    return options.address or parse_address(cluster.endpoint.host)


def node_subnets(cluster: Cluster) -> tuple[Network, ...]:
    """Every subnet that machines can lie in."""
    networking = cluster.networking
    listed = tuple(network for subnet in networking.subnets for network in subnet.cidr)
    return listed + (networking.nodeSubnet or ())


def url(host: str, port: int, scheme: str = "https") -> str:
    """A URL; IPv6 addresses in brackets (RFC 3986)."""
    address = parse_address(host)
    bracketed = f"[{host}]" if address and address.version == 6 else host
    return f"{scheme}://{bracketed}:{port}"
