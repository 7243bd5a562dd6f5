"""What is done once for a whole cluster, by whichever control plane comes first."""

from __future__ import annotations

from nodeseed.nodes.design import Design
from nodeseed.nodes.plan import context
from nodeseed.pki.encoding import digest
from nodeseed.render.templates import render_file


def cluster_digest(design: Design) -> str:
    """128 bits over the cluster-once content, hexadecimal: a change raises clusterRevision."""
    configuration = render_file(
        "control-plane",
        "/etc/kubernetes/kubeadm.yaml",
        context(design, design.control_planes[0]),
    )
    shared = [
        document
        for document in configuration.split("\n---\n")
        if "kind: InitConfiguration" not in document  # speaks of one node
    ]
    manifests = [design.manifests[name] for name in design.cluster.manifests]
    return digest("cluster", *shared, *manifests).hex()[:32]
