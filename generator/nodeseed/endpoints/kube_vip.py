"""kube-vip, a static pod on every control plane: one holds the virtual address, by a Lease.

It balances nothing: whoever holds the address serves all. It asks its own API server alone, with an
identity of its own that may use this one Lease and nothing else. The Role for that comes with the
first of the cluster's steps, which need no virtual address; so nothing waits in a circle, and no
administrator's kubeconfig is mounted (kube-vip #684).
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nodeseed.endpoints.endpoint import Balanced, Endpoint, VirtualAddress
from nodeseed.spec.fields import Line


class Options(VirtualAddress):
    """kube-vip's keys."""

    image: Line = Field(default="ghcr.io/kube-vip/kube-vip:v1.2.3", description="kube-vip's image.")
    interface: Line | None = Field(
        default=None,
        description="Interface that gets the virtual address. Default: that of the default route.",
    )


def values(balanced: Balanced) -> dict[str, Any]:
    """What the pod is made from."""
    assert isinstance(balanced.options, Options)  # noqa: S101 - what the row says
    environment = {
        "vip_arp": "true",
        "cp_enable": "true",
        "vip_leaderelection": "true",
        "vip_leasename": "plndr-cp-lock",
        # As short as whole seconds allow; client-go looks each 1 to 2.2 s, so the address is taken
        # 6.4 s after a failure at worst. kube-vip's own are 5, 3, 1.
        "vip_leaseduration": "3",
        "vip_renewdeadline": "2",
        "vip_retryperiod": "1",
        "vip_nodename": balanced.node,
        "address": str(balanced.address),
        "port": str(balanced.port),
        "prometheus_server": "127.0.0.1:2112",  # its default is every address
    }
    if balanced.options.interface:
        environment["vip_interface"] = balanced.options.interface
    return {"image": balanced.options.image, "environment": environment}


ENDPOINT = Endpoint(
    name="kube-vip",
    roles=("control-plane",),
    options=Options,
    values=values,
    holder="kube-vip",
)
