"""The real kube-proxy takes the rendered configuration, in every mode and size.

As far as it can here: ipvs then needs a kernel that has it, and says so where it is not there.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from nodeseed.nodes.proxy import PROXY_MODES, SCHEDULERS
from nodeseed_lab.programs import program

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]

SIZES = ("standard", "large", "very-large")


def configuration(rendered: "Rendered", folder: Path) -> Path:
    """What the cluster's steps give to kube-proxy, as a file."""
    root = rendered.install("cp-1", folder / "cp-1")
    documents = yaml.safe_load_all((root / "etc/kubernetes/kubeadm.yaml").read_text())
    (found,) = (row for row in documents if row["kind"] == "KubeProxyConfiguration")
    path = folder / "kube-proxy.yaml"
    path.write_text(yaml.safe_dump(found))
    return path


def defaulted(config: Path) -> Any:
    """The configuration as kube-proxy has checked and completed it; it refuses unknown fields."""
    written = config.with_suffix(".written")
    done = subprocess.run(
        [program("kube-proxy-1.37"), f"--config={config}", f"--write-config-to={written}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "unknown field" not in done.stderr
    return yaml.safe_load(written.read_text())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", PROXY_MODES)
def test_kube_proxy_takes_every_mode_and_size(
    render: Render, tmp_path: Path, mode: str, size: str
) -> None:
    rendered = render(proxy={"mode": mode}, size=size)
    config = configuration(rendered, tmp_path)
    whole = defaulted(config)
    assert whole["mode"] == mode
    for section, fields in yaml.safe_load(config.read_text()).items():
        if isinstance(fields, dict):
            said = {name: durations(whole[section][name]) for name in fields}
            assert said == {name: durations(value) for name, value in fields.items()}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_kube_proxy_takes_every_scheduler_of_ipvs(
    render: Render, tmp_path: Path, name: str
) -> None:
    proxy = {"mode": "ipvs", "configuration": {"ipvs": {"scheduler": name}}}
    assert defaulted(configuration(render(proxy=proxy), tmp_path))["ipvs"]["scheduler"] == name


def test_kube_proxy_refuses_what_is_wrong(render: Render, tmp_path: Path) -> None:
    proxy = {"mode": "ipvs", "configuration": {"ipvs": {"tcpTimeout": "-1s"}}}
    with pytest.raises(AssertionError, match="TCPTimeout"):
        defaulted(configuration(render(proxy=proxy), tmp_path))


def durations(value: Any) -> Any:
    """Go writes a minute as 1m0s."""
    return value.replace("m0s", "m") if isinstance(value, str) else value
