"""The units: which step each runs, and what none of them may do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from nodeseed.render.program import steps
from nodeseed.render.templates import root

UNITS = sorted(root().glob("*/etc/systemd/system/nodeseed*"))
SERVICES = [path for path in UNITS if path.suffix == ".service"]
SETS = {
    "common": [("control-plane", ""), ("worker", ""), ("etcd", "systemd")],
    "worker": [("worker", "")],
    "control-plane": [("control-plane", "")],
    "cni-bridge": [("worker", "")],
    "etcd-systemd": [("control-plane", "systemd"), ("etcd", "systemd")],
    "etcd-static-pod": [("control-plane", "static-pod"), ("etcd", "static-pod")],
}


def name(path: Path) -> str:
    return "/".join([path.relative_to(root()).parts[0], path.name])


def settings(path: Path) -> dict[str, str]:
    lines = [line.partition("=") for line in path.read_text().splitlines() if "=" in line]
    return {key: value for key, _, value in lines if not key.startswith("{#")}


@pytest.mark.parametrize("path", SERVICES, ids=name)
def test_a_service_runs_a_step_that_its_nodes_have_and_tries_for_ever(path: Path) -> None:
    unit = settings(path)
    program, file, step = unit["ExecStart"].split()
    assert (program, file) == ("/usr/bin/python3", "/usr/local/lib/nodeseed/node.py")
    for role, etcd in SETS[path.relative_to(root()).parts[0]]:
        assert step in steps(role, etcd, routes=True)
    assert unit["StartLimitIntervalSec"] == "0"
    assert unit["Restart"] in ("on-failure", "always")
    if unit.get("Type") == "oneshot":
        assert unit["TimeoutStartSec"] == "infinity"
        assert unit["RemainAfterExit"] == "yes"


def test_every_step_of_a_unit_has_one() -> None:
    run = {settings(path)["ExecStart"].split()[-1] for path in SERVICES}
    wanted = steps("control-plane", "static-pod", routes=True) | steps("worker")
    assert run == wanted - {"status"}


@pytest.mark.parametrize("path", UNITS, ids=name)
def test_nothing_waits_for_what_waits_for_it(path: Path) -> None:
    """cloud-final.service is ordered after multi-user.target, and starts our target."""
    unit = settings(path)
    waits = unit.get("After", "").split() + unit.get("Requires", "").split()
    assert not {"multi-user.target", "cloud-final.service", "cloud-init.target"} & set(waits)
    assert "etcd.service" not in waits  # nothing of ours waits for a quorum but by asking


@pytest.mark.parametrize("path", SERVICES, ids=name)
def test_all_but_install_belong_to_the_node(path: Path) -> None:
    wanted = settings(path).get("WantedBy", "").split()
    assert ("nodeseed-node.target" in wanted) == (path.stem != "nodeseed-install")
    assert "kubelet.service" not in settings(path)["ExecStart"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("role", SETS)
def test_systemd_reads_them(role: str, tmp_path: Path) -> None:
    for path in UNITS:
        if path.relative_to(root()).parts[0] in ("common", role):
            lines = path.read_text().splitlines()
            text = "\n".join(line for line in lines if not line.startswith("{#"))
            (tmp_path / path.name).write_text(
                text.replace("/usr/bin/python3 /usr/local/lib/nodeseed/node.py", "/bin/true")
            )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    ours = [line for line in done.stderr.splitlines() if "nodeseed" in line]
    assert not ours
