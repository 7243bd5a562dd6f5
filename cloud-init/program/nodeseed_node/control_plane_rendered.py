"""The control plane's static pods, which nodeseed rendered whole; no kubeadm is needed."""

from __future__ import annotations

from nodeseed_node.machine import Machine
from nodeseed_node.pods import STATIC_POD, start


def control_plane_rendered(m: Machine) -> int:
    """Copy our manifests into the kubelet's folder."""

    def write(pod: str) -> None:
        name = STATIC_POD % pod
        m.write(name, m.text(name.replace("kubernetes/manifests", "nodeseed/control-plane")), 0o600)

    return start(m, write)
