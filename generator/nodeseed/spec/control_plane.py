"""How a control plane comes about: the ``controlPlane`` block of the cluster file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nodeseed.spec.fields import Block


class ControlPlane(Block):
    """The control plane's static pods and the add-ons kube-proxy and CoreDNS."""

    manifests: Literal["kubeadm", "rendered"] = Field(
        default="kubeadm",
        description="Who writes them. `kubeadm`: its phases, on the node; `kubeadm upgrade` knows "
        "the cluster. `rendered`: nodeseed itself, so that a node needs no program but a kubelet "
        "and a container runtime; docs/rendered.md.",
    )
