"""The cluster file: what the operator writes, with every default in one place.

The words are those of kubernetes.io and of kubeadm's configuration. The reference in
docs/cluster-file.md is generated from these classes, so a description here is documentation.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from nodeseed.spec.components import ApiServer, ElectedComponent, Etcd, Kubelet, Proxy
from nodeseed.spec.control_plane import ControlPlane
from nodeseed.spec.dns import Dns
from nodeseed.spec.fields import (
    Addresses,
    Block,
    DnsLabel,
    Duration,
    FullVersion,
    Host,
    Key,
    LabelValue,
    Line,
    Networks,
    NodePath,
    Permissions,
    Text,
    Unique,
)
from nodeseed.spec.match import Match
from nodeseed.spec.pools import Elastic
from nodeseed.spec.software import Software
from nodeseed.spec.storage import Storage

API_VERSION = "nodeseed.dev/v1alpha1"

Algorithm = Literal["ECDSA-P256", "ECDSA-P384", "RSA-2048", "RSA-3072", "RSA-4096"]
Role = Literal["control-plane", "worker", "etcd", "load-balancer"]
Size = Literal["standard", "large", "very-large"]

_LISTS = Field(strict=False)  # YAML has lists; we keep tuples, which cannot change


class Kubernetes(Block):
    """The Kubernetes that the nodes run."""

    version: FullVersion = Field(
        description="Kubernetes release. 1.31 to 1.37; the patch release is yours to choose."
    )
    imageRepository: Line = Field(  # noqa: N815 - kubeadm's word
        default="registry.k8s.io", description="Where the component images come from."
    )
    software: Software = Field(
        default_factory=Software, description="How the software comes onto the machines."
    )


class ProviderBlock(Block):
    """A block whose other keys belong to a provider's own module."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    def options(self) -> dict[str, Any]:
        """The provider's own keys as they were written."""
        return dict(self.__pydantic_extra__ or {})


class PlatformBlock(ProviderBlock):
    """Where the machines run. Each platform has keys of its own."""

    name: Line = Field(description="One of the platforms in docs/platforms.md.")
    cloudProvider: Literal["none", "external"] = Field(  # noqa: N815
        default="none",
        description="`external`: you install the platform's cloud controller manager, and nodes "
        "take no pods before it has seen them ([platforms.md]"
        "(platforms.md#its-machines-as-nodes)).",
    )


class EndpointBlock(ProviderBlock):
    """How workers and people reach the API servers. Each provider has keys of its own."""

    host: Host = Field(description="The name (or address) in every kubeconfig outside the nodes.")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None,
        description="The port that clients use. Default: 6443; 8443 with `haproxy-keepalived` on "
        "the control planes.",
    )
    provider: Line = Field(
        default="external",
        description="What balances the load (docs/load-balancers.md). `external`: you bring it. "
        "`haproxy-keepalived`, `lvs-keepalived` (IPVS): nodes of role `load-balancer` do, or the "
        "control planes where there are none, and hold a virtual address by turns. `kube-vip`: one "
        "control plane holds such an address and serves all. `node-local`: each worker does for "
        "itself.",
    )
    controlPlanes: Literal["local", "endpoint"] = Field(  # noqa: N815
        default="local",
        description="How kubelet and kube-proxy of control planes reach the API. `local`: at their "
        "own API server. `endpoint`: at the load balancer, like all others.",
    )


class TransportBlock(ProviderBlock):
    """How a node's files reach it. Each transport has keys of its own."""

    name: Line = Field(
        default="inline",
        description="`inline`: all in the user-data. `s3`, `secrets-manager`, `ssm`: the user-data "
        "is a small stub, and the node fetches the rest with its instance role "
        "([transports.md](transports.md)).",
    )


class Subnet(Block):
    """A subnet of machines and the zone that it lies in."""

    cidr: Networks = Field(description="Its addresses.")
    zone: Line | None = Field(
        default=None, description="Becomes the label topology.kubernetes.io/zone of its nodes."
    )


class Networking(Block):
    """Addresses of machines, pods and services."""

    podSubnet: Networks = Field(  # noqa: N815
        description="Addresses of pods; two for dual-stack, in the order of serviceSubnet."
    )
    serviceSubnet: Networks = Field(  # noqa: N815
        description="Addresses of Services; the first family is the cluster's."
    )
    dnsDomain: Host = Field(  # noqa: N815
        default="cluster.local", description="Domain of the names of Services."
    )
    cni: Literal["bridge", "none"] = Field(
        default="bridge",
        description="`bridge`: each node's pod subnet follows from its address by arithmetic, no "
        "daemon, one flat layer-2 nodeSubnet. `none`: bring your own (Cilium, Calico, Flannel).",
    )
    nodeSubnet: Networks | None = Field(  # noqa: N815
        default=None, description="The one subnet of all machines; /22 to /24 for `cni: bridge`."
    )
    subnets: Annotated[tuple[Subnet, ...], _LISTS] = Field(
        default=(), description="Several subnets, with zones; instead of nodeSubnet."
    )
    metadataFromPods: Literal["deny", "allow"] = Field(  # noqa: N815
        default="deny",
        description="Whether pods reach the platform's metadata service, which hands out user-data "
        "and the machine's role ([platforms.md](platforms.md#its-metadata-service)).",
    )


class RegistryMirror(Block):
    """Where containerd gets the images of one registry instead."""

    registry: Line = Field(description="The registry's host, such as registry.k8s.io.")
    endpoints: Annotated[tuple[Line, ...], _LISTS, Field(min_length=1), Unique] = Field(
        description="URLs, tried in order before the registry itself."
    )


class HttpProxy(Block):
    """The HTTP proxy that containerd uses to fetch images."""

    http: Line | None = Field(default=None, description="HTTP_PROXY.")
    https: Line | None = Field(default=None, description="HTTPS_PROXY.")
    noProxy: Annotated[tuple[Line, ...], _LISTS] = Field(  # noqa: N815
        default=(),
        description="Further NO_PROXY entries; loopback, nodes, pods and Services are always in.",
    )


class Containerd(Block):
    """The container runtime (containerd 2.x)."""

    registryMirrors: Annotated[tuple[RegistryMirror, ...], _LISTS] = Field(  # noqa: N815
        default=(), description="Mirrors of registries."
    )
    proxy: HttpProxy | None = Field(default=None, description="HTTP proxy.")


class Time(Block):
    """The clocks of the nodes."""

    source: Literal["ntp", "host"] = Field(
        default="ntp",
        description="What makes a clock trusted when etcd forms: `ntp`, the kernel says that it is "
        "synchronised; `host`, for containers, hypervisor clocks and air-gapped sites.",
    )
    servers: Annotated[tuple[Host, ...], _LISTS, Unique] = Field(
        default=(), description="NTP servers; empty leaves the image's own setting."
    )


class Ssh(Block):
    """Access for people; nodeseed itself never needs it."""

    authorizedKeys: Annotated[tuple[Line, ...], _LISTS, Unique] = Field(  # noqa: N815
        default=(), description="Public keys for the image's default user."
    )


class CertificateClass(Block):
    """How the certificates of one class are made."""

    algorithm: Algorithm = Field(
        default="ECDSA-P256", description="Anything but ECDSA-P256 needs `keys: stored`."
    )
    lifetime: Duration = Field(
        default_factory=lambda: timedelta(hours=26280),
        description="Leaves differ from it by up to 10 %, so that they do not expire together.",
    )


class CertificateClasses(Block):
    """Algorithm and lifetime for each class of certificates."""

    ca: CertificateClass = Field(
        default_factory=lambda: CertificateClass(lifetime=timedelta(hours=87600)),
        description="The certificate authorities. Default lifetime: 87600h.",
    )
    server: CertificateClass = Field(
        default_factory=CertificateClass, description="API server and etcd servers; sa.key."
    )
    client: CertificateClass = Field(
        default_factory=CertificateClass, description="Clients of API server and etcd."
    )
    peer: CertificateClass = Field(
        default_factory=CertificateClass, description="etcd members among themselves."
    )
    kubelet: CertificateClass = Field(
        default_factory=CertificateClass, description="Client and serving certificate of kubelets."
    )


class Pki(Block):
    """Keys and certificates."""

    keys: Literal["derived", "stored"] = Field(
        default="derived",
        description="`derived`: every key follows from the seed. `stored`: random keys in a bundle "
        "beside the cluster file, encrypted with a key from the seed.",
    )
    directory: NodePath = Field(
        default="/etc/kubernetes/pki",
        description="Where keys and certificates lie on the nodes, such as /srv/kubernetes; chosen "
        "before the first boot.",
    )
    profile: Literal["kubeadm", "cfssl"] = Field(
        default="kubeadm",
        description="`kubeadm`: names as kubeadm gives them, least usages. `cfssl`: names and "
        "usages of the classical cfssl walk-through (CA etcd, client client), no spread of expiry.",
    )
    caKeysOnNodes: Literal["none", "control-plane"] = Field(  # noqa: N815
        default="none",
        description="`none`: no CA key leaves the operator's machine, kubelet certificates do not "
        "rotate. `control-plane`: the cluster CA's key (no other) lies on the control planes.",
    )
    classes: CertificateClasses = Field(
        default_factory=CertificateClasses, description="Algorithm and lifetime for each class."
    )


class File(Block):
    """A file of the operator's own, on every node (owner root)."""

    path: NodePath = Field(description="Where it lies on the node.")
    content: Text = Field(description="What it holds.")
    permissions: Permissions = Field(default="0644", description="Its mode.")


class Taint(Block):
    """A taint that the node registers with."""

    key: Key = Field(description="Key.")
    value: LabelValue = Field(default="", description="Value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(description="Effect.")


class _Machines(Block):
    role: Role = Field(description="control-plane, worker, etcd or load-balancer.")
    labels: dict[Key, LabelValue] = Field(
        default_factory=dict, description="Labels that the kubelet registers with."
    )
    taints: Annotated[tuple[Taint, ...], _LISTS] = Field(
        default=(), description="Taints that the kubelet registers with."
    )


class Node(_Machines):
    """One machine."""

    name: DnsLabel = Field(
        description="Hostname, node name, certificate names: one name for all of them."
    )
    address: Addresses = Field(description="Its own address; two for dual-stack.")
    match: Match | None = Field(
        default=None,
        description="How `nodeseed iso --shared` knows the machine; all nodes or none.",
    )


class Pool(_Machines):
    """Several machines alike (web-1, web-2, …), each with an identity of its own, or elastic."""

    name: DnsLabel = Field(description="Nodes are called NAME-1, NAME-2, …")
    count: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None, description="How many; with firstAddress, instead of `elastic`."
    )
    firstAddress: Addresses | None = Field(  # noqa: N815
        default=None, description="Address of the first; the others follow it one by one."
    )
    elastic: Elastic | None = Field(
        default=None,
        description="Machines that come and go without a render, all with one user-data and a "
        "token instead of identities of their own ([elastic-pools.md](elastic-pools.md)).",
    )
    match: Annotated[tuple[Match, ...], _LISTS] = Field(
        default=(), description="As `nodes[].match`, one for each machine in turn."
    )


class Cluster(Block):
    """A whole cluster: the top of the file."""

    apiVersion: Literal["nodeseed.dev/v1alpha1"] = Field(  # noqa: N815
        description="Version of this file's format."
    )
    kind: Literal["Cluster"] = Field(description="Always Cluster.")
    name: DnsLabel = Field(
        description="The cluster's name; every key follows from it, so it never changes."
    )
    platform: PlatformBlock = Field(description="Where the machines run.")
    transport: TransportBlock = Field(
        default_factory=TransportBlock, description="How a node's files reach it."
    )
    kubernetes: Kubernetes = Field(description="The Kubernetes that the nodes run.")
    endpoint: EndpointBlock = Field(description="How the API is reached.")
    networking: Networking = Field(description="Addresses of machines, pods and services.")
    size: Size = Field(
        default="standard",
        description="`large`: for more than 500 nodes, `very-large`: for more than 3000. What they "
        "set is in [components.md](components.md#large-clusters).",
    )
    nodes: Annotated[tuple[Node, ...], _LISTS] = Field(default=(), description="The machines.")
    pools: Annotated[tuple[Pool, ...], _LISTS] = Field(
        default=(), description="Machines alike, in numbers."
    )
    etcd: Etcd = Field(default_factory=Etcd, description="etcd.")
    controlPlane: ControlPlane = Field(  # noqa: N815
        default_factory=ControlPlane, description="How the control plane comes about."
    )
    apiServer: ApiServer = Field(  # noqa: N815
        default_factory=ApiServer, description="kube-apiserver."
    )
    controllerManager: ElectedComponent = Field(  # noqa: N815
        default_factory=ElectedComponent, description="kube-controller-manager."
    )
    scheduler: ElectedComponent = Field(
        default_factory=ElectedComponent, description="kube-scheduler."
    )
    kubelet: Kubelet = Field(default_factory=Kubelet, description="kubelet, on every node.")
    proxy: Proxy = Field(default_factory=Proxy, description="kube-proxy.")
    dns: Dns | None = Field(default=None, description="The cluster's DNS.")
    containerd: Containerd = Field(default_factory=Containerd, description="Container runtime.")
    pki: Pki = Field(default_factory=Pki, description="Keys and certificates.")
    time: Time = Field(default_factory=Time, description="Clocks.")
    ssh: Ssh = Field(default_factory=Ssh, description="Access for people.")
    storage: Storage = Field(
        default_factory=Storage, description="Disks, clients of network storage, StorageClasses."
    )
    manifests: Annotated[tuple[Line, ...], _LISTS, Unique] = Field(
        default=(),
        description="Files with Kubernetes objects, relative to the cluster file; the control "
        "planes apply them once the API answers (`cni: none`: your network add-on).",
    )
    files: Annotated[tuple[File, ...], _LISTS] = Field(
        default=(), description="Files of your own, on every node."
    )
    commands: Annotated[tuple[Line, ...], _LISTS] = Field(
        default=(),
        description="Shell commands, run once on every node after nodeseed's units were started "
        "(not after they are done).",
    )
