"""What must hold of a cluster as a whole, before anything is launched.

Each check is a function that yields problems; the table at the end is the list of them. A check
says what was found, where, which rule it breaks, and what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from nodeseed.endpoints import ENDPOINTS
from nodeseed.endpoints.endpoint import Endpoint
from nodeseed.errors import Problem
from nodeseed.nodes.design import etcd_members, node_subnets
from nodeseed.nodes.machine import Machine
from nodeseed.pki.keys import DERIVABLE
from nodeseed.platforms import PLATFORMS
from nodeseed.platforms.nocloud_network import NetworkOptions
from nodeseed.platforms.platform import Platform
from nodeseed.spec.cluster import Cluster
from nodeseed.spec.fields import Network, parse_address
from nodeseed.spec.source import Path, Source
from nodeseed.spec.versions import ETCD, KUBERNETES, minor_of, parse_version

MAX_SERVICE_BITS = 20  # kube-apiserver: at most 2^20 Services in a subnet
NODE_MASK = {4: 24, 6: 64}  # pod subnet of one node, kube-controller-manager's default
MAX_MEMBERS = 7  # etcd.io FAQ: more only slows writes down


@dataclass(frozen=True, eq=False)
class Whole:
    """What checks look at."""

    source: Source
    cluster: Cluster
    machines: tuple[Machine, ...]
    platform: Platform | None
    options: object | None
    endpoint: Endpoint | None

    def problem(self, path: Path, rule: str, cure: str) -> Problem:
        """A problem with file and line."""
        return self.source.problem(path, rule, cure)

    @cached_property
    def members(self) -> tuple[Machine, ...]:
        """The machines that run etcd."""
        return etcd_members(self.machines)


Check = Callable[[Whole], Iterator[Problem]]


def providers(whole: Whole) -> Iterator[Problem]:
    """Platform and endpoint are rows of their tables."""
    if whole.platform is None:
        yield whole.problem(
            ("platform", "name"),
            f"{whole.cluster.platform.name!r} is no platform",
            f"write one of {', '.join(PLATFORMS)}",
        )
    if whole.endpoint is None:
        yield whole.problem(
            ("endpoint", "provider"),
            f"{whole.cluster.endpoint.provider!r} is no endpoint provider",
            f"write one of {', '.join(ENDPOINTS)}",
        )


def versions(whole: Whole) -> Iterator[Problem]:
    """Kubernetes and etcd are releases that nodeseed knows, and fit each other."""
    wanted = whole.cluster.kubernetes.version
    known = list(KUBERNETES)
    if minor_of(wanted) not in KUBERNETES:
        yield whole.problem(
            ("kubernetes", "version"),
            f"Kubernetes {wanted} is not supported",
            f"write a release of {known[0]} to {known[-1]}",
        )
    etcd = whole.cluster.etcd.version
    if etcd is not None:
        release = ETCD.get(minor_of(etcd))
        if release is None or parse_version(etcd) < release.minimum:
            least = ", ".join(".".join(str(part) for part in row.minimum) for row in ETCD.values())
            yield whole.problem(
                ("etcd", "version"),
                f"etcd {etcd} is not supported",
                f"write a release from one of these on: {least}",
            )


def cluster_name(whole: Whole) -> Iterator[Problem]:
    """The name goes into file names and digests on every node."""
    if len(whole.cluster.name) > 40:
        yield whole.problem(("name",), "the name is longer than 40 characters", "shorten it")


def roles(whole: Whole) -> Iterator[Problem]:
    """Enough control planes, and a number of etcd members that can have a majority."""
    machines, members = whole.machines, whole.members
    at: Path = ("nodes",)
    control_planes = [machine for machine in machines if machine.role == "control-plane"]
    if not control_planes:
        yield whole.problem(
            at, "there is no control plane", "add one node, better three, of role control-plane"
        )
        return
    if len(control_planes) == 2:
        yield whole.problem(
            at,
            "two control planes are worse than one: with etcd on them, the loss of either stops "
            "the cluster",
            "use one (no high availability) or three",
        )
    elif len(members) % 2 == 0:
        yield whole.problem(
            at,
            f"{len(members)} etcd members: an even number tolerates no more failures than "
            f"{len(members) - 1} and splits in halves that both stop",
            f"use {len(members) - 1} or {len(members) + 1}",
        )
    elif len(members) > MAX_MEMBERS:
        yield whole.problem(
            at, f"{len(members)} etcd members", f"use at most {MAX_MEMBERS}: every write waits"
        )
    for machine in machines:
        if machine.role == "etcd" and (machine.labels or machine.taints):
            yield whole.problem(
                machine.path,
                f"{machine.name} has labels or taints, but an etcd node is no Kubernetes Node",
                "take them out",
            )


def names(whole: Whole) -> Iterator[Problem]:
    """Every machine has a name of its own, after pools are multiplied out."""
    seen: dict[str, Machine] = {}
    host = whole.cluster.endpoint.host
    for machine in whole.machines:
        other = seen.setdefault(machine.name, machine)
        if other is not machine:
            yield whole.problem(
                (*machine.path, "name"),
                f"{machine.name} is there twice (also line {whole.source.line(other.path)})",
                "give each machine a name of its own",
            )
        if len(machine.name) > 63:
            yield whole.problem(
                (*machine.path, "name"),
                f"{machine.name} is longer than 63 characters",
                "shorten the pool's name",
            )
        if machine.name == host:
            yield whole.problem(
                ("endpoint", "host"),
                f"the endpoint has the name of node {machine.name}",
                "give the endpoint a name of its own, such as api.example.com",
            )


def _subnets_at(cluster: Cluster) -> Iterator[tuple[Path, Network]]:
    networking = cluster.networking
    for network in networking.podSubnet:
        yield ("networking", "podSubnet"), network
    for network in networking.serviceSubnet:
        yield ("networking", "serviceSubnet"), network
    for network in networking.nodeSubnet or ():
        yield ("networking", "nodeSubnet"), network
    for index, subnet in enumerate(networking.subnets):
        for network in subnet.cidr:
            yield ("networking", "subnets", index, "cidr"), network


def subnets(whole: Whole) -> Iterator[Problem]:
    """No two subnets overlap; families agree; sizes are what the components accept."""
    networking = whole.cluster.networking
    known = list(_subnets_at(whole.cluster))
    for place, (path, network) in enumerate(known):
        for other_path, other in known[:place]:
            if network.version == other.version and network.overlaps(other):
                yield whole.problem(
                    path,
                    f"{network} overlaps {other} (line {whole.source.line(other_path)})",
                    "addresses of machines, pods and Services must not meet",
                )
    if networking.nodeSubnet and networking.subnets:
        yield whole.problem(
            ("networking", "nodeSubnet"), "nodeSubnet and subnets are both there", "write one"
        )
    pods = [network.version for network in networking.podSubnet]
    services = [network.version for network in networking.serviceSubnet]
    if pods != services:
        yield whole.problem(
            ("networking", "serviceSubnet"),
            f"podSubnet has IPv{', IPv'.join(map(str, pods))}, serviceSubnet "
            f"IPv{', IPv'.join(map(str, services))}",
            "give both the same families in the same order",
        )
    for network in networking.serviceSubnet:
        bits = network.max_prefixlen - network.prefixlen
        if not 4 <= bits <= MAX_SERVICE_BITS:
            yield whole.problem(
                ("networking", "serviceSubnet"),
                f"{network} has 2^{bits} addresses",
                f"use a prefix length of {network.max_prefixlen - MAX_SERVICE_BITS} to "
                f"{network.max_prefixlen - 4}",
            )


def addresses(whole: Whole) -> Iterator[Problem]:
    """Every address lies in a machines' subnet, is used once, and is not the platform's."""
    cluster, platform = whole.cluster, whole.platform
    networks = node_subnets(cluster)
    families = [network.version for network in cluster.networking.podSubnet]
    seen: dict[object, Machine] = {}
    for machine in whole.machines:
        field = "address" if machine.path[0] == "nodes" else "firstAddress"
        at = (*machine.path, field)
        if families and machine.addresses[0].version != families[0]:
            yield whole.problem(
                at,
                f"{machine.name}'s first address is IPv{machine.addresses[0].version}, podSubnet "
                f"begins with IPv{families[0]}",
                "use the same family first",
            )
        if len(families) == 2 and len(machine.addresses) != 2:
            yield whole.problem(
                at,
                f"{machine.name} has one address in a dual-stack cluster",
                "write a list of an IPv4 and an IPv6 address",
            )
        for address in machine.addresses:
            other = seen.setdefault(address, machine)
            if other is not machine:
                yield whole.problem(
                    at,
                    f"{address} of {machine.name} is also {other.name}'s "
                    f"(line {whole.source.line(other.path)})",
                    "give each machine an address of its own",
                )
            inside = [network for network in networks if address in network]
            if networks and not inside:
                yield whole.problem(
                    at,
                    f"{address} of {machine.name} lies in no subnet of the machines",
                    f"use an address in {', '.join(str(network) for network in networks)}",
                )
            for network in inside:
                yield from _reserved(whole, machine, at, address, network, platform)
    endpoint = parse_address(cluster.endpoint.host)
    if endpoint in seen:
        yield whole.problem(
            ("endpoint", "host"),
            f"{endpoint} is the address of node {seen[endpoint].name}",
            "the endpoint needs an address of its own, so that it outlives any node",
        )


def _reserved(
    whole: Whole,
    machine: Machine,
    at: Path,
    address: object,
    network: Network,
    platform: Platform | None,
) -> Iterator[Problem]:
    if platform is None or network.num_addresses <= 4:
        return
    offset = int(address) - int(network.network_address)  # type: ignore[call-overload]
    last = network.num_addresses - platform.reserved_last
    if offset < platform.reserved_first or offset >= last:
        yield whole.problem(
            at,
            f"{address} of {machine.name} is reserved by {platform.title} in {network}",
            f"use {network[platform.reserved_first]} to {network[last - 1]}",
        )


def pod_network(whole: Whole) -> Iterator[Problem]:
    """The pod subnet has room for every node, and bridging works where it was asked for."""
    networking = whole.cluster.networking
    if networking.cni == "bridge":
        yield from _bridge(whole)
        return
    kubelets = sum(machine.role != "etcd" for machine in whole.machines)
    for network in networking.podSubnet:
        bits = NODE_MASK[network.version] - network.prefixlen
        if bits < 0 or 2**bits < kubelets:
            need = NODE_MASK[network.version] - max(kubelets - 1, 0).bit_length()
            yield whole.problem(
                ("networking", "podSubnet"),
                f"{network} has room for {2**bits if bits >= 0 else 0} nodes of "
                f"/{NODE_MASK[network.version]} each, there are {kubelets}",
                f"use a prefix length of {need} or less",
            )
        elif network.version == 6 and bits > 16:
            yield whole.problem(
                ("networking", "podSubnet"),
                f"{network} is wider than kube-controller-manager accepts",
                "use a prefix length of 48 to 64",
            )


def _bridge(whole: Whole) -> Iterator[Problem]:
    networking, platform = whole.cluster.networking, whole.platform
    at: Path = ("networking", "cni")
    if platform is not None and not platform.flat_layer2:
        yield whole.problem(
            at if whole.source.value(at) else ("networking",),
            f"cni: bridge cannot work on {platform.title}, whose network drops pods' addresses",
            "write `cni: none` and list a network add-on under manifests:",
        )
        return
    if networking.nodeSubnet is None:
        yield whole.problem(
            ("networking",),
            "cni: bridge needs nodeSubnet, the one flat subnet of all machines",
            "write nodeSubnet (/22 to /24), or `cni: none`",
        )
        return
    pods = {network.version: network for network in networking.podSubnet}
    for nodes in networking.nodeSubnet:
        if nodes.version == 4 and not 22 <= nodes.prefixlen <= 24:
            yield whole.problem(
                ("networking", "nodeSubnet"), f"{nodes} is no /22 to /24", "cni: bridge needs that"
            )
            continue
        pod = pods.get(nodes.version)
        if pod is None:
            continue
        # One pod subnet (/24 or /64) for every address of the machines' subnet.
        wanted = NODE_MASK[nodes.version] - (nodes.max_prefixlen - nodes.prefixlen)
        if nodes.version == 6:
            wanted = max(wanted, 48)
        if pod.prefixlen > wanted:
            yield whole.problem(
                ("networking", "podSubnet"),
                f"{pod} is too small: cni: bridge gives each address of {nodes} a pod subnet",
                f"write {pod.supernet(new_prefix=wanted)}",
            )


def platform_needs(whole: Whole) -> Iterator[Problem]:
    """What the platform must be told."""
    platform = whole.platform
    if platform is None:
        return
    if platform.needs_subnets and not whole.cluster.networking.subnets:
        yield whole.problem(
            ("networking",),
            f"{platform.title} needs to know the subnets and their zones",
            "write networking.subnets: [{cidr: …, zone: …}]",
        )
    options = whole.options
    if isinstance(options, NetworkOptions) and options.network == "static":
        if not options.gateways:
            yield whole.problem(
                ("platform",), "network: static without gateways", "write platform.gateways"
            )
        if not node_subnets(whole.cluster):
            yield whole.problem(
                ("networking",),
                "network: static needs the prefix length of the machines' subnet",
                "write networking.nodeSubnet",
            )


def endpoint_port(whole: Whole) -> Iterator[Problem]:
    """On a control plane the endpoint's name is the node itself: something must listen there."""
    endpoint, cluster = whole.endpoint, whole.cluster
    if endpoint is None:
        return
    address = parse_address(cluster.endpoint.host)
    if address is not None:
        if whole.platform and whole.platform.hairpin:
            yield whole.problem(
                ("endpoint", "host"),
                f"an address as endpoint: on {whole.platform.title} a control plane cannot reach "
                "itself through the load balancer",
                "use a DNS name; on control planes it will mean the node itself",
            )
    elif endpoint.ports == "equal" and cluster.endpoint.port != cluster.apiServer.port:
        yield whole.problem(
            ("endpoint", "port"),
            f"nothing would listen on port {cluster.endpoint.port} of a control plane, where "
            f"{cluster.endpoint.host} means the node itself",
            f"write port {cluster.apiServer.port}, as apiServer.port",
        )


def key_algorithms(whole: Whole) -> Iterator[Problem]:
    """Only P-256 keys can be derived; kubeadm must know the algorithm, too."""
    release = KUBERNETES.get(minor_of(whole.cluster.kubernetes.version))
    for klass, settings in whole.cluster.pki.classes:
        at: Path = ("pki", "classes", klass, "algorithm")
        if whole.cluster.pki.keys == "derived" and settings.algorithm not in DERIVABLE:
            yield whole.problem(
                at, f"{settings.algorithm} keys cannot be derived", "write `pki.keys: stored`"
            )
        if release and settings.algorithm not in release.encryption_algorithms:
            yield whole.problem(
                at,
                f"kubeadm {whole.cluster.kubernetes.version} does not know {settings.algorithm}",
                f"use one of {', '.join(release.encryption_algorithms)}",
            )
        if klass != "ca" and settings.lifetime > whole.cluster.pki.classes.ca.lifetime:
            yield whole.problem(
                ("pki", "classes", klass, "lifetime"),
                "the certificates would outlive their CA",
                "shorten it, or lengthen pki.classes.ca.lifetime",
            )


def labels(whole: Whole) -> Iterator[Problem]:
    """Only labels that a kubelet may give its own node (the NodeRestriction admission plugin)."""
    for part in ("nodes", "pools"):
        for index, entry in enumerate(getattr(whole.cluster, part)):
            for key in entry.labels:
                prefix = key.rpartition("/")[0]
                reserved = prefix == "kubernetes.io" or prefix.endswith(
                    (".kubernetes.io", "k8s.io")
                )
                allowed = prefix in ("kubelet.kubernetes.io", "node.kubernetes.io") or (
                    prefix == "topology.kubernetes.io"
                )
                if reserved and not allowed:
                    yield whole.problem(
                        (part, index, "labels", key),
                        f"a kubelet may not give its own node the label {key}",
                        "use a prefix of your own, or node.kubernetes.io/",
                    )


def own_files(whole: Whole) -> Iterator[Problem]:
    """The operator's files keep out of what nodeseed and Kubernetes write themselves."""
    seen: set[str] = set()
    for index, file in enumerate(whole.cluster.files):
        at: Path = ("files", index, "path")
        if file.path.startswith(("/var/lib/nodeseed/", "/etc/nodeseed/", "/etc/kubernetes/")):
            yield whole.problem(
                at, f"{file.path} lies where nodeseed writes", "choose another place"
            )
        if file.path in seen:
            yield whole.problem(at, f"{file.path} is there twice", "keep one of the two")
        seen.add(file.path)


def keys_of_people(whole: Whole) -> Iterator[Problem]:
    """cloud-init takes user-data for MIME where its first 4,096 bytes say so (user_data.py)."""
    for index, key in enumerate(whole.cluster.ssh.authorizedKeys):
        if "mime-version:" in key.lower():
            yield whole.problem(
                ("ssh", "authorizedKeys", index),
                "cloud-init would read the whole user-data as a mail because of `mime-version:`",
                "change the key's comment",
            )


CHECKS: tuple[Check, ...] = (
    providers,
    cluster_name,
    versions,
    roles,
    names,
    subnets,
    addresses,
    pod_network,
    platform_needs,
    endpoint_port,
    key_algorithms,
    labels,
    own_files,
    keys_of_people,
)
