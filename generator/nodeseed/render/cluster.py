"""What is done once for a whole cluster, by whichever control plane comes first."""

from __future__ import annotations

from nodeseed.nodes.design import Design
from nodeseed.nodes.dns import dns_sets
from nodeseed.nodes.plan import context, sets
from nodeseed.nodes.rendered import is_rendered
from nodeseed.pki.encoding import digest
from nodeseed.render.templates import file_set, render_file

# Where control planes find the objects that they apply.
MANIFESTS = "/etc/nodeseed/manifests/"
ADD_ONS = "/etc/nodeseed/add-ons.yaml"


def cluster_digest(design: Design) -> str:
    """128 bits over the cluster-once content, hexadecimal: a change raises clusterRevision."""
    first = design.control_planes[0]
    values = context(design, first)
    if is_rendered(design):
        shared = [render_file("control-plane-rendered", ADD_ONS, values)]
    else:
        configuration = render_file("control-plane", "/etc/kubernetes/kubeadm.yaml", values)
        shared = [
            document
            for document in configuration.split("\n---\n")
            if "kind: InitConfiguration" not in document  # speaks of one node
        ]
    shared += [
        render_file(name, path, values)
        for name in sets(design, first)
        for path in file_set(name)
        # what is in kubeadm's set follows from its configuration
        if path.startswith(MANIFESTS) and name != "control-plane"
    ]
    manifests = [design.manifests[name] for name in design.cluster.manifests]
    dns = [
        render_file(name, path, values)
        for name in dns_sets(design, first)
        for path in file_set(name)
    ]
    return digest("cluster", *shared, *manifests, *dns).hex()[:32]
