"""How the software comes onto the nodes: the ``kubernetes.software`` block of the cluster file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nodeseed.spec.fields import (
    Block,
    DnsLabel,
    FullVersion,
    Line,
    NodePath,
    Permissions,
    Sha256,
    Text,
    Unique,
    Url,
)
from nodeseed.spec.versions import CONTAINERD

_LISTS = Field(strict=False)


class AptRepository(Block):
    """A further apt repository, such as Docker's for containerd 2."""

    name: DnsLabel = Field(description="A name of your own.")
    source: Line = Field(
        description="Its line: `deb [signed-by=$KEY_FILE] https://… SUITE COMPONENT`; nodeseed "
        "puts the key's file in."
    )
    key: Text = Field(description="The key that signs it, in ASCII armour.")


class Packages(Block):
    """Debian packages from pkgs.k8s.io, of the very version and held; for Debian and Ubuntu."""

    key: Text = Field(
        description="The key of pkgs.k8s.io, in ASCII armour (its Release.key). It expires and is "
        "renewed, so nodeseed brings none along."
    )
    url: Url = Field(
        default="https://pkgs.k8s.io/core:/stable:",
        description="A mirror, above `/v1.NN/deb/`.",
    )
    containerd: Line = Field(
        default="containerd",
        description="The package with containerd 2.x: the distribution's, or `containerd.io`.",
    )
    repositories: Annotated[tuple[AptRepository, ...], _LISTS] = Field(
        default=(), description="Further repositories."
    )


class Checksums(Block):
    """SHA-256 of the Kubernetes programs (dl.k8s.io has each beside its program)."""

    kubelet: Sha256 = Field(description="kubelet, on every node.")
    kubeadm: Sha256 | None = Field(
        default=None, description="kubeadm, on control planes with `manifests: kubeadm`."
    )
    kubectl: Sha256 | None = Field(
        default=None, description="kubectl, on control planes with `manifests: kubeadm`."
    )


class Download(Block):
    """A further file from a URL: containerd, runc, CNI plugins, etcd."""

    url: Url = Field(description="Where it is.")
    sha256: Sha256 = Field(description="What it is.")
    path: NodePath = Field(description="Where it goes on the node.")
    mode: Permissions = Field(default="0755", description="Its mode.")
    unpack: Line | None = Field(
        default=None,
        description="For a tar archive: the beginning of the names to take, which `path` replaces: "
        "`bin` at path /usr/local/bin, or `etcd-v3.7.0-linux-amd64/etcd` at /usr/local/bin/etcd.",
    )
    roles: Annotated[
        tuple[Literal["control-plane", "worker", "etcd", "load-balancer"], ...],
        _LISTS,
        Field(min_length=1),
        Unique,
    ] = Field(default=("control-plane", "worker", "etcd"), description="On which nodes.")


class Binaries(Block):
    """Programs from a web server, checked; a systemd unit that they need goes under `files:`."""

    url: Url = Field(
        default="https://dl.k8s.io",
        description="What lies at URL/vVERSION/bin/linux/ARCHITECTURE/kubelet and so on.",
    )
    architecture: Literal["amd64", "arm64"] = Field(default="amd64", description="Of all machines.")
    sha256: Checksums = Field(description="Digests of the Kubernetes programs.")
    files: Annotated[tuple[Download, ...], _LISTS] = Field(
        default=(), description="Whatever else the image does not have."
    )


class BakedChecksums(Block):
    """SHA-256 of the files of an image, as their publishers give it."""

    kubelet: Sha256 = Field(description="https://dl.k8s.io/release/vVERSION/bin/linux/…/kubelet.")
    kubeadm: Sha256 = Field(description="kubeadm, from the same place.")
    kubectl: Sha256 = Field(description="kubectl, from the same place.")
    containerd: Sha256 = Field(description="containerd's archive, from its release page.")
    etcd: Sha256 = Field(description="etcd's archive, from its release page.")


class Baked(Block):
    """What `nodeseed bake` puts into the image, beside what follows from the rest of the file."""

    architecture: Literal["amd64", "arm64"] = Field(default="amd64", description="Of all machines.")
    containerd: FullVersion = Field(default=CONTAINERD, description="containerd's release.")
    sha256: BakedChecksums = Field(description="Digests of the files that are downloaded.")
    packages: Annotated[tuple[Line, ...], _LISTS, Unique] = Field(
        default=(), description="Further Debian packages."
    )


class Software(Block):
    """How kubelet, kubeadm, kubectl, containerd and etcd come onto the machines."""

    source: Literal["baked", "packages", "binaries"] = Field(
        default="baked",
        description="`baked`: the image has it all, and first boot needs no network but its peers. "
        "`packages`: from pkgs.k8s.io by apt. `binaries`: from a web server, by SHA-256.",
    )
    baked: Baked | None = Field(
        default=None, description="For `source: baked`; `nodeseed bake` reads it, nodes do not."
    )
    packages: Packages | None = Field(default=None, description="For `source: packages`.")
    binaries: Binaries | None = Field(default=None, description="For `source: binaries`.")
