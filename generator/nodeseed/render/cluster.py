"""What is done once for a whole cluster, by whichever control plane comes first."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.nodes.autoscaler import autoscaler_files
from nodeseed.nodes.design import Design
from nodeseed.nodes.dns import dns_sets
from nodeseed.nodes.plan import context, sets
from nodeseed.nodes.pools import pool_values, public_tokens
from nodeseed.nodes.rendered import is_rendered
from nodeseed.nodes.tokens import TOKEN_FILE, token_file
from nodeseed.pki.encoding import digest
from nodeseed.pki.lock import Lock
from nodeseed.render.templates import file_set, render_file

# Where control planes find the objects that they apply.
MANIFESTS = "/etc/nodeseed/manifests/"
ADD_ONS = "/etc/nodeseed/add-ons.yaml"
POOLS = "pools.yaml"


def cluster_digest(design: Design, lock: Lock) -> str:
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
    return digest("cluster", *shared, *manifests, *dns, *public_tokens(lock)).hex()[:32]


def cluster_wide(design: Design) -> Iterator[tuple[str, str]]:
    """Further files for the operator, by name; references stand for what is secret in them."""
    if tokens := token_file(design):
        yield TOKEN_FILE, tokens
    if design.pools:
        yield (
            POOLS,
            render_file(
                "pools", f"{MANIFESTS}{POOLS}", pool_values(design, design.control_planes[0])
            ),
        )
    yield from autoscaler_files(design).items()
