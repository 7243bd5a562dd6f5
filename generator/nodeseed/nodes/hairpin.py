"""What control planes that go through the load balancer must know. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.nodes.design import Design


def hairpin(design: Design) -> Iterator[str]:
    """Kubelets of control planes behind a load balancer: what can go wrong (kubeadm #2271)."""
    if design.cluster.endpoint.controlPlanes != "endpoint":
        return
    if not design.endpoint.roles:
        named = f" ({design.platform.title}'s own does)" if design.platform.hairpin else ""
        yield (
            "control planes go through the load balancer, and one that sends a connection back to "
            f"the machine that it came from may lose it{named}; on AWS turn "
            "preserve_client_ip off, or write `endpoint.controlPlanes: local`."
        )
    yield (
        "a control plane's kubelet may meet another's API server, which must not be older than the "
        "kubelet: upgrade every API server before any kubelet."
    )
