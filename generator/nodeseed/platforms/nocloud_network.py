"""The ``network-config`` of platforms that take files instead of a metadata service."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nodeseed.spec.fields import Addresses, Block, Line, OneAddress


class NetworkOptions(Block):
    """Keys of the ``platform`` block: how cloud-init sets up the network."""

    network: Literal["dhcp", "static", "none"] = Field(
        default="dhcp",
        description="`dhcp`: with reservations for the addresses of the cluster file; `static`: "
        "the addresses of the cluster file themselves; `none`: the image has its own way.",
    )
    interface: Line = Field(default="e*", description="Name of the interface; may be a pattern.")
    gateways: Addresses | None = Field(
        default=None, description="Default gateway, one for each address family (`static`)."
    )
    nameservers: Annotated[tuple[OneAddress, ...], Field(strict=False)] = Field(
        default=(), description="DNS servers (`static`)."
    )


def network_config(
    options: NetworkOptions, interfaces: tuple[str, ...]
) -> dict[str, object] | None:
    """Version 2 of cloud-init's network configuration.

    Args:
        options: the operator's choice.
        interfaces: the node's addresses with their prefix lengths, such as ``10.0.0.11/24``.

    Returns:
        The document; None where the image brings its own.
    """
    if options.network == "none":
        return None
    device: dict[str, object] = {"match": {"name": options.interface}}
    if options.network == "dhcp":
        device["dhcp4"] = True
    else:
        device["addresses"] = list(interfaces)
        device["routes"] = [
            {"to": "default", "via": str(gateway)} for gateway in options.gateways or ()
        ]
        if options.nameservers:
            device["nameservers"] = {"addresses": [str(server) for server in options.nameservers]}
    return {"version": 2, "ethernets": {"node": device}}
