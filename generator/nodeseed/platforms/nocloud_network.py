"""The ``network-config`` of platforms that take files instead of a metadata service."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from nodeseed.spec.fields import Addresses, Block, Line, OneAddress

ANY: Final = "e*"


class NetworkOptions(Block):
    """Keys of the ``platform`` block: how cloud-init sets up the network."""

    network: Literal["dhcp", "static", "none"] = Field(
        default="dhcp",
        description="`dhcp`: with reservations for the addresses of the cluster file; `static`: "
        "the addresses of the cluster file themselves; `none`: the image has its own way.",
    )
    interface: Line = Field(
        default=ANY,
        description="Name of the interface. With `dhcp` the default leaves the choice to "
        "cloud-init: the first one with a link. Any other pattern, and this one with `static`, "
        "needs netplan in the image, as Debian's and Ubuntu's cloud images have it; a name does "
        "not.",
    )
    gateways: Addresses | None = Field(
        default=None, description="Default gateway, one for each address family (`static`)."
    )
    nameservers: Annotated[tuple[OneAddress, ...], Field(strict=False)] = Field(
        default=(), description="DNS servers (`static`)."
    )


def network_config(
    options: NetworkOptions, interfaces: tuple[str, ...]
) -> dict[str, object] | None:
    """Version 2 of cloud-init's network configuration, in words that all its renderers know.

    Only netplan has a ``match`` by name; the others take the entry's own name for the interface's.
    And ``default`` as a destination is an error to all but netplan before cloud-init 26.

    Args:
        options: the operator's choice.
        interfaces: the node's addresses with their prefix lengths, such as ``10.0.0.11/24``.

    Returns:
        The document; None where the image brings its own, or cloud-init finds out by itself.
    """
    if options.network == "none" or (options.network == "dhcp" and options.interface == ANY):
        return None
    pattern = set(options.interface) & set("*?[")
    name = "node" if pattern else options.interface
    device: dict[str, object] = {"match": {"name": options.interface}} if pattern else {}
    if options.network == "dhcp":
        device["dhcp4"] = True
    else:
        device["addresses"] = list(interfaces)
        device["routes"] = [
            {"to": "::/0" if gateway.version == 6 else "0.0.0.0/0", "via": str(gateway)}
            for gateway in options.gateways or ()
        ]
        if options.nameservers:
            device["nameservers"] = {"addresses": [str(server) for server in options.nameservers]}
    return {"version": 2, "ethernets": {name: device}}
