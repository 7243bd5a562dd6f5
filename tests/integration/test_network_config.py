"""Our network-config means the same to every renderer of several releases of cloud-init."""

from __future__ import annotations

import configparser
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration import cloud_init

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

RENDERERS = Path(__file__).with_name("network_renderers.py")
STATIC = {
    "name": "nocloud",
    "interface": "ens3",
    "network": "static",
    "gateways": "10.0.0.1",
    "nameservers": ["10.0.0.53"],
}


def rendered_by(release: str, document: Path, work: Path) -> Any:
    """What the renderers of a release write."""
    done = subprocess.run(
        [cloud_init.PYTHON, RENDERERS, document, work],
        env=cloud_init.environment(release),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("release", cloud_init.RELEASES)
def test_static_addresses_without_netplan_too(
    render: Callable[..., Rendered], tmp_path: Path, release: str
) -> None:
    document = render(platform=STATIC).out / "cp-1" / "network-config"
    found = rendered_by(release, document, tmp_path / "work")
    unit = configparser.ConfigParser(strict=False)
    unit.read_string(found["networkd"]["10-cloud-init-ens3.network"])
    assert dict(unit["Match"]) == {"name": "ens3"}
    assert dict(unit["Address"]) == {"address": "10.0.0.11/24"}
    assert dict(unit["Route"]) == {"destination": "0.0.0.0/0", "gateway": "10.0.0.1"}
    assert unit["Network"]["dns"] == "10.0.0.53"
    (text,) = found["netplan"].values()
    assert yaml.safe_load(text)["network"] == yaml.safe_load(document.read_text())
    interfaces = found["eni"]["interfaces"]
    for line in ("iface ens3 inet static", "address 10.0.0.11/24", "dns-nameservers 10.0.0.53"):
        assert line in interfaces
    assert "add default" in interfaces


@pytest.mark.parametrize("release", cloud_init.RELEASES)
def test_dhcp_on_a_named_interface_without_netplan_too(
    render: Callable[..., Rendered], tmp_path: Path, release: str
) -> None:
    platform = {"name": "nocloud", "interface": "ens3"}
    document = render(platform=platform).out / "cp-1" / "network-config"
    found = rendered_by(release, document, tmp_path / "work")
    assert (
        "[Match]\nName=ens3\n\n[Network]\nDHCP=ipv4\n"
        in (found["networkd"]["10-cloud-init-ens3.network"])
    )
    assert "iface ens3 inet dhcp" in found["eni"]["interfaces"]
