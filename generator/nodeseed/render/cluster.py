"""What is done once for a whole cluster, by whichever control plane comes first."""

from __future__ import annotations

from nodeseed.nodes.design import Design
from nodeseed.nodes.dns import dns_sets
from nodeseed.nodes.plan import context
from nodeseed.pki.encoding import digest
from nodeseed.render.templates import file_set, render_file


def cluster_digest(design: Design) -> str:
    """128 bits over the cluster-once content, hexadecimal: a change raises clusterRevision."""
    first = design.control_planes[0]
    values = context(design, first)
    configuration = render_file("control-plane", "/etc/kubernetes/kubeadm.yaml", values)
    shared = [
        document
        for document in configuration.split("\n---\n")
        if "kind: InitConfiguration" not in document  # speaks of one node
    ]
    manifests = [design.manifests[name] for name in design.cluster.manifests]
    endpoint = f"endpoint-{design.endpoint.name}"
    if design.balances(first):
        manifests += [
            render_file(endpoint, path, values)
            for path in file_set(endpoint)
            if path.startswith("/etc/nodeseed/manifests/")
        ]
    dns = [
        render_file(name, path, values)
        for name in dns_sets(design, first)
        for path in file_set(name)
    ]
    return digest("cluster", *shared, *manifests, *dns).hex()[:32]
