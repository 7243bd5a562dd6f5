"""THE certificate table: every key pair of a cluster is one row.

Issuing, placing on nodes, the expiry report, docs/certificates.md and the tests all walk it; adding
a certificate is adding a row. Names, subjects and usages are kubeadm's
(cmd/kubeadm/app/phases/certs/certlist.go and phases/kubeconfig) unless a row says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from nodeseed.spec.fields import parse_address

Class = Literal["ca", "server", "client", "peer", "kubelet"]
Holder = Literal["control-plane", "etcd-member", "kubelet", "kube-vip", "operator"]

CLASSES: Final[tuple[Class, ...]] = ("ca", "server", "client", "peer", "kubelet")
SERVER_AUTH: Final = "serverAuth"
CLIENT_AUTH: Final = "clientAuth"

PKI = "/etc/kubernetes/pki"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a node's certificates are made out to.

    Attributes:
        node: hostname, node name and Common Name, all one.
        addresses: the node's addresses.
        service_names: what pods call the API server (kubernetes, kubernetes.default, …).
        service_addresses: first address of each service subnet.
        endpoint: host of the API endpoint.
        virtual_address: the endpoint's address where nodes hold it by turns.
        extra: the operator's apiServer.certSANs.
    """

    node: str = ""
    addresses: tuple[str, ...] = ()
    service_names: tuple[str, ...] = ()
    service_addresses: tuple[str, ...] = ()
    endpoint: str = ""
    virtual_address: str = ""
    extra: tuple[str, ...] = ()


def no_names(_: Names) -> tuple[str, ...]:
    """A client: nobody connects to it."""
    return ()


def node_names(names: Names) -> tuple[str, ...]:
    """The node's name and addresses."""
    return (names.node, *names.addresses)


def etcd_names(names: Names) -> tuple[str, ...]:
    """As kubeadm's GetEtcdAltNames: the node and loopback."""
    return (names.node, "localhost", *names.addresses, "127.0.0.1", "::1")


def api_names(names: Names) -> tuple[str, ...]:
    """As kubeadm's GetAPIServerAltNames, and loopback for clients on the node itself."""
    return (
        names.node,
        *names.service_names,
        "localhost",
        names.endpoint,
        names.virtual_address,
        *names.service_addresses,
        *names.addresses,
        "127.0.0.1",
        *names.extra,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One row: a key pair with its certificate.

    Attributes:
        name: unique, and the first part of its identity (``kubelet-client/worker-1``).
        purpose: one English sentence for people.
        klass: whose algorithm and lifetime it has.
        issuer: name of the row that signs it; its own name for a CA; None for a bare key pair.
        common_name: subject CN; ``{node}`` stands for the node's name.
        organization: subject O, which is the group that Kubernetes sees; empty for none.
        usages: extended key usages.
        alternative_names: makes the SANs (DNS names and addresses mixed; ``kind_of`` parts them).
        holder: who holds the private key; ``operator``: nobody but the operator's machine.
        path: where certificate and key lie, without ``.crt`` and ``.key``; for kubeconfigs the
            file itself.
        kubeconfig: whether ``path`` is a kubeconfig with the pair embedded.
        way: the ``controlPlane.manifests`` with which it is needed; empty for either.
    """

    name: str
    purpose: str
    klass: Class
    issuer: str | None
    common_name: str = ""
    organization: str = ""
    usages: tuple[str, ...] = ()
    alternative_names: Callable[[Names], tuple[str, ...]] = no_names
    holder: Holder
    path: str
    kubeconfig: bool = False
    way: Literal["", "kubeadm", "rendered"] = ""

    @property
    def is_ca(self) -> bool:
        """Whether it signs others (and itself)."""
        return self.issuer == self.name

    @property
    def of_node(self) -> bool:
        """Whether each node that holds it has one of its own."""
        return self.holder != "operator" and self.issuer is not None


def _ca(name: str, path: str, common_name: str, purpose: str) -> Certificate:
    return Certificate(
        name=name,
        purpose=purpose,
        klass="ca",
        issuer=name,
        common_name=common_name,
        holder="operator",
        path=f"{PKI}/{path}",
    )


CERTIFICATES: Final[tuple[Certificate, ...]] = (
    _ca("ca", "ca", "kubernetes", "Signs everything that speaks with the API server."),
    _ca("front-proxy-ca", "front-proxy-ca", "front-proxy-ca", "Signs the aggregation layer."),
    _ca("etcd-ca", "etcd/ca", "etcd-ca", "Signs etcd's members and clients."),
    Certificate(
        name="sa",
        purpose="Signs the tokens of ServiceAccounts; a bare key pair, the same everywhere.",
        klass="server",
        issuer=None,
        holder="control-plane",
        path=f"{PKI}/sa",
    ),
    Certificate(
        name="apiserver",
        purpose="Serves the Kubernetes API.",
        klass="server",
        issuer="ca",
        common_name="kube-apiserver",
        usages=(SERVER_AUTH,),
        alternative_names=api_names,
        holder="control-plane",
        path=f"{PKI}/apiserver",
    ),
    Certificate(
        name="apiserver-kubelet-client",
        # Without an organization, as kubeadm does since 1.33.12, 1.34.8, 1.35.5 and 1.36.1
        # (kubernetes/kubernetes #138957); a ClusterRoleBinding for the user gives the rights.
        purpose="Lets the API server reach kubelets: logs, exec, port-forward.",
        klass="client",
        issuer="ca",
        common_name="kube-apiserver-kubelet-client",
        usages=(CLIENT_AUTH,),
        holder="control-plane",
        path=f"{PKI}/apiserver-kubelet-client",
    ),
    Certificate(
        name="front-proxy-client",
        purpose="Lets the API server vouch for users to aggregated API servers.",
        klass="client",
        issuer="front-proxy-ca",
        common_name="front-proxy-client",
        usages=(CLIENT_AUTH,),
        holder="control-plane",
        path=f"{PKI}/front-proxy-client",
    ),
    Certificate(
        name="apiserver-etcd-client",
        purpose="Lets the API server read and write etcd.",
        klass="client",
        issuer="etcd-ca",
        common_name="kube-apiserver-etcd-client",
        usages=(CLIENT_AUTH,),
        holder="control-plane",
        path=f"{PKI}/apiserver-etcd-client",
    ),
    Certificate(
        name="etcd-server",
        # clientAuth too: etcd's gRPC gateway dials its own listener with it (etcd #9785).
        purpose="Serves etcd to clients.",
        klass="server",
        issuer="etcd-ca",
        common_name="{node}",
        usages=(SERVER_AUTH, CLIENT_AUTH),
        alternative_names=etcd_names,
        holder="etcd-member",
        path=f"{PKI}/etcd/server",
    ),
    Certificate(
        name="etcd-peer",
        purpose="Members of etcd among themselves, in both directions.",
        klass="peer",
        issuer="etcd-ca",
        common_name="{node}",
        usages=(SERVER_AUTH, CLIENT_AUTH),
        alternative_names=etcd_names,
        holder="etcd-member",
        path=f"{PKI}/etcd/peer",
    ),
    Certificate(
        name="etcd-healthcheck-client",
        purpose="Asks etcd for its health and changes its membership, on the member itself.",
        klass="client",
        issuer="etcd-ca",
        common_name="kube-etcd-healthcheck-client",
        usages=(CLIENT_AUTH,),
        holder="etcd-member",
        path=f"{PKI}/etcd/healthcheck-client",
        way="kubeadm",
    ),
    Certificate(
        name="admin",
        purpose="Administrator on a control plane; powerless until its binding exists.",
        klass="client",
        issuer="ca",
        common_name="kubernetes-admin",
        organization="kubeadm:cluster-admins",
        usages=(CLIENT_AUTH,),
        holder="control-plane",
        path="/etc/kubernetes/admin.conf",
        kubeconfig=True,
        way="kubeadm",
    ),
    Certificate(
        name="super-admin",
        purpose="Makes the administrators' binding; once that exists, admin.conf takes its place.",
        klass="client",
        issuer="ca",
        common_name="kubernetes-super-admin",
        organization="system:masters",
        usages=(CLIENT_AUTH,),
        holder="control-plane",
        path="/etc/kubernetes/super-admin.conf",
        kubeconfig=True,
        way="kubeadm",
    ),
    Certificate(
        name="cluster-admin",
        purpose="Applies what a cluster needs once, at first boot; then its key is emptied.",
        klass="client",
        issuer="ca",
        common_name="nodeseed",
        organization="system:masters",
        usages=(CLIENT_AUTH,),
        holder="control-plane",
        path=f"{PKI}/cluster-admin",
        way="rendered",
    ),
    Certificate(
        name="controller-manager",
        purpose="kube-controller-manager at its own API server.",
        klass="client",
        issuer="ca",
        common_name="system:kube-controller-manager",
        usages=(CLIENT_AUTH,),
        holder="control-plane",
        path="/etc/kubernetes/controller-manager.conf",
        kubeconfig=True,
    ),
    Certificate(
        name="scheduler",
        purpose="kube-scheduler at its own API server.",
        klass="client",
        issuer="ca",
        common_name="system:kube-scheduler",
        usages=(CLIENT_AUTH,),
        holder="control-plane",
        path="/etc/kubernetes/scheduler.conf",
        kubeconfig=True,
    ),
    Certificate(
        name="kubelet-client",
        purpose="The kubelet at the API server, as its node.",
        klass="kubelet",
        issuer="ca",
        common_name="system:node:{node}",
        organization="system:nodes",
        usages=(CLIENT_AUTH,),
        holder="kubelet",
        path="/etc/kubernetes/kubelet.conf",
        kubeconfig=True,
    ),
    Certificate(
        name="kubelet-server",
        # Found by the kubelet under this very name (cmd/kubelet/app/server.go InitializeTLS);
        # the API server verifies it by --kubelet-certificate-authority.
        purpose="Serves the kubelet's API: logs, exec, metrics.",
        klass="kubelet",
        issuer="ca",
        common_name="system:node:{node}",
        organization="system:nodes",
        usages=(SERVER_AUTH,),
        alternative_names=node_names,
        holder="kubelet",
        path="/var/lib/kubelet/pki/kubelet",
    ),
    Certificate(
        name="kube-vip",
        purpose="Takes the Lease by which one control plane holds the API's address.",
        klass="client",
        issuer="ca",
        common_name="kube-vip",
        usages=(CLIENT_AUTH,),
        holder="kube-vip",
        path="/etc/kubernetes/kube-vip.conf",
        kubeconfig=True,
    ),
    Certificate(
        name="operator-admin",
        purpose="The operator's own admin.conf; lies on no node.",
        klass="client",
        issuer="ca",
        common_name="kubernetes-admin",
        organization="kubeadm:cluster-admins",
        usages=(CLIENT_AUTH,),
        holder="operator",
        path="admin.conf",
        kubeconfig=True,
    ),
)

BY_NAME: Final[dict[str, Certificate]] = {row.name: row for row in CERTIFICATES}

# What every holder must be able to check, beside its own certificates.
TRUST: Final[dict[str, tuple[str, ...]]] = {
    "control-plane": ("ca", "front-proxy-ca", "etcd-ca"),
    "etcd-member": ("etcd-ca",),
    "kubelet": ("ca",),
    "load-balancer": ("ca",),
    "kube-vip": ("ca",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A house style of certificates.

    Attributes:
        common_names: subjects that differ from the table's.
        key_encipherment: whether leaves also get keyEncipherment. It belongs to RSA key exchange;
            with ECDSA keys RFC 8813 forbids it, and ``None`` means: only with RSA keys.
        spread: the largest part of a leaf's lifetime by which it may differ.
    """

    common_names: dict[str, str]
    key_encipherment: bool | None
    spread: float


PROFILES: Final[dict[str, Profile]] = {
    "kubeadm": Profile(common_names={}, key_encipherment=None, spread=0.1),
    # The classical walk-through: CA "etcd", client "client", usages "signing" and
    # "key encipherment" in every profile, one lifetime for all.
    "cfssl": Profile(
        common_names={"etcd-ca": "etcd", "apiserver-etcd-client": "client"},
        key_encipherment=True,
        spread=0.0,
    ),
}


def identity(row: Certificate, node: str) -> str:
    """The name by which a key is derived and remembered: ``apiserver/cp-1``, ``ca``."""
    return f"{row.name}/{node}" if row.of_node else row.name


def split_names(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """DNS names and addresses, each once, in the order in which they came."""
    unique = list(dict.fromkeys(name for name in names if name))
    return (
        [name for name in unique if parse_address(name) is None],
        [name for name in unique if parse_address(name) is not None],
    )
