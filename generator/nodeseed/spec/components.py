"""The parts of a cluster that the operator may tune: etcd, the API server, the other components."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from nodeseed.spec.fields import (
    Amount,
    Block,
    Configuration,
    Duration,
    FullVersion,
    Host,
    Seconds,
    Text,
    Unique,
)
from nodeseed.spec.tokens import Token

_LISTS = Field(strict=False)  # YAML has lists; we keep tuples, which cannot change


class Argument(Block):
    """A command line argument, in kubeadm's form (v1beta4)."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")] = Field(
        description="The flag without dashes."
    )
    value: Text = Field(description="Its value.")


Arguments = Annotated[tuple[Argument, ...], _LISTS]


class EtcdMaintenance(Block):
    """What a timer on each member does: alarms are said, and space is given back."""

    interval: Duration = Field(
        default_factory=lambda: timedelta(hours=24),
        description="A member is defragmented once in this time at most; a full one at once.",
    )
    minimumGain: Amount = Field(  # noqa: N815
        default="100Mi",
        description="And only if that gives back this much.",
    )


class Etcd(Block):
    """The etcd cluster: on the control planes, or on nodes of role `etcd` if there are any."""

    run: Literal["systemd", "static-pod"] = Field(
        default="systemd", description="`systemd`: a unit with /etc/etcd.env. `static-pod`."
    )
    version: FullVersion | None = Field(
        default=None, description="Default: what kubeadm of this Kubernetes release installs."
    )
    bootstrapWindow: Duration = Field(  # noqa: N815
        default_factory=lambda: timedelta(hours=168),
        description="How long after the first render empty machines may form a new cluster.",
    )
    quota: Amount | None = Field(
        default=None,
        description="How large its database may become; then it takes no writes. 256Mi to 8Gi. "
        "Default: etcd's own, 2Gi.",
    )
    metrics: Literal["local", "node"] = Field(
        default="local",
        description="`local`: metrics and health at 127.0.0.1:2381. `node`: at port 2381 of the "
        "node's address as well, in plain HTTP, for whoever reaches it.",
    )
    maintenance: EtcdMaintenance | None = Field(
        default=None,
        description="Say alarms, defragment, get out of a full database; `{}` for all defaults. "
        "See [components.md](components.md#etcd).",
    )
    extraArgs: Arguments = Field(default=(), description="Further etcd flags.")  # noqa: N815


class ApiServer(Block):
    """kube-apiserver on the control planes."""

    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=6443, description="Where each API server listens on its own node."
    )
    certSANs: Annotated[tuple[Host, ...], _LISTS, Unique] = Field(  # noqa: N815
        default=(), description="Further names and addresses for the serving certificate."
    )
    tokens: Annotated[tuple[Token, ...], _LISTS] = Field(
        default=(),
        description="Static tokens (--token-auth-file), for whoever can use no certificate; the "
        "output folder has them in known_tokens.csv.",
    )
    extraArgs: Arguments = Field(default=(), description="Further flags.")  # noqa: N815


class Component(Block):
    """A component that takes further flags."""

    extraArgs: Arguments = Field(default=(), description="Further flags.")  # noqa: N815


class LeaderElection(Block):
    """How the instances of a component agree on the one that works."""

    leaseDuration: Seconds = Field(  # noqa: N815 - the names of LeaderElectionConfiguration
        default_factory=lambda: timedelta(seconds=15),
        description="How long the others wait for a leader that has stopped to renew its Lease. "
        "After at most this and 4.4 times retryPeriod another one leads.",
    )
    renewDeadline: Seconds = Field(  # noqa: N815
        default_factory=lambda: timedelta(seconds=10),
        description="How long a leader that cannot renew its Lease goes on; then it ends itself. "
        "Shorter than leaseDuration.",
    )
    retryPeriod: Seconds = Field(  # noqa: N815
        default_factory=lambda: timedelta(seconds=2),
        description="How often all of them try; 1.2 times this is shorter than renewDeadline.",
    )


class ElectedComponent(Component):
    """A component that runs on every control plane, and works on one of them at a time."""

    leaderElection: LeaderElection = Field(  # noqa: N815
        default_factory=LeaderElection, description="Timing of its leader election."
    )


class Kubelet(Component):
    """kubelet, on every node."""

    configuration: Configuration = Field(
        default_factory=dict,
        description="Further fields of KubeletConfiguration (kubelet.config.k8s.io/v1beta1). Those "
        "that other fields of this file decide are refused.",
    )


class Proxy(Block):
    """kube-proxy."""

    mode: Literal["nftables", "iptables", "ipvs"] | None = Field(
        default=None,
        description="Always written to the nodes. Default: nftables from 1.33, before iptables. "
        "ipvs is deprecated since 1.35.",
    )
    configuration: Configuration = Field(
        default_factory=dict,
        description="Further fields of KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1). "
        "Those that other fields of this file decide are refused.",
    )
