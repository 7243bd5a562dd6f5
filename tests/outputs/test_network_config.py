"""The network-config of platforms that take files."""

from __future__ import annotations

from typing import Any

import pytest

from nodeseed.platforms.nocloud_network import NetworkOptions, network_config


def config(**options: Any) -> Any:
    given = NetworkOptions.model_validate(options)
    return network_config(given, ("10.0.0.11/24", "fd00::11/64"))


@pytest.mark.parametrize(
    "options", [{}, {"network": "none"}, {"network": "none", "interface": "x"}]
)
def test_what_cloud_init_finds_by_itself_is_not_written(options: dict[str, Any]) -> None:
    assert config(**options) is None


def test_an_interface_is_called_by_its_name_which_every_renderer_understands() -> None:
    assert config(interface="ens3") == {"version": 2, "ethernets": {"ens3": {"dhcp4": True}}}


def test_a_pattern_is_for_netplan() -> None:
    assert config(interface="en*") == {
        "version": 2,
        "ethernets": {"node": {"match": {"name": "en*"}, "dhcp4": True}},
    }


def test_static_addresses_and_the_way_out() -> None:
    found = config(
        network="static",
        interface="ens3",
        gateways=["10.0.0.1", "fd00::1"],
        nameservers=["10.0.0.53"],
    )
    assert found["ethernets"]["ens3"] == {
        "addresses": ["10.0.0.11/24", "fd00::11/64"],
        "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}, {"to": "::/0", "via": "fd00::1"}],
        "nameservers": {"addresses": ["10.0.0.53"]},
    }
