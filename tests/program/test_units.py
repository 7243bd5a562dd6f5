"""The units: which step each runs, and what none of them may do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from nodeseed.render.templates import root

UNITS = sorted(p for p in root().glob("*/etc/systemd/system/nodeseed*") if p.is_file())
SERVICES = [path for path in UNITS if path.suffix == ".service"]


def name(path: Path) -> str:
    return "/".join([path.relative_to(root()).parts[0], path.name])


def settings(path: Path) -> dict[str, str]:
    lines = [line.partition("=") for line in path.read_text().splitlines() if "=" in line]
    return {key: value for key, _, value in lines if not key.startswith("{#")}


def has_timer(path: Path) -> bool:
    """Whether a timer starts the unit, and again and again."""
    return path.with_suffix(".timer").exists()


def script(unit: str, root_folder: Path) -> str:
    """The shell script of a unit, with a folder of the test as the root."""
    text = (root() / "common/etc/systemd/system" / unit).read_text()
    found = re.search(r"ExecStart=sh -e?c '(.*)'", text)
    assert found
    return re.sub(r"(?<= )/?(?=(etc|var|run)[;/])", f"{root_folder}/", found[1])


def run(text: str) -> None:
    subprocess.run(["sh", "-ec", text], check=True)


STEPS = [path for path in SERVICES if "/usr/local/lib/nodeseed/" in path.read_text()]
AT_EVERY_START = ("nodeseed-install", "nodeseed-fetch")  # of nodeseed.target


@pytest.mark.parametrize("path", STEPS, ids=name)
def test_a_step_tries_for_ever(path: Path) -> None:
    unit = settings(path)
    runs = next(
        line for line in path.read_text().splitlines() if "/usr/local/lib/nodeseed/" in line
    )
    program, file, *_ = runs.partition("=")[2].split()
    own = "fetch" if path.stem == "nodeseed-fetch" else "node"
    assert (program, file) == ("/usr/bin/python3", f"/usr/local/lib/nodeseed/{own}.py")
    assert unit["StartLimitIntervalSec"] == "0"
    again = path.stem in AT_EVERY_START or has_timer(path)
    assert has_timer(path) or unit["Restart"] in ("on-failure", "always")
    if unit.get("Type") == "oneshot":
        assert unit["TimeoutStartSec"] == "infinity"
        assert ("RemainAfterExit" in unit) == (not again)


def test_hosts_are_rewritten_and_what_was_there_stays(tmp_path: Path) -> None:
    hosts = tmp_path / "etc/hosts"
    (tmp_path / "etc/nodeseed").mkdir(parents=True)
    hosts.write_text("127.0.0.1 localhost\n10.9.9.9 gone # nodeseed\n")
    (tmp_path / "etc/nodeseed/hosts").write_text("10.0.0.11 cp-1 api # nodeseed\n")
    for _ in range(2):
        run(script("nodeseed-network.service", tmp_path))
        assert hosts.read_text() == "127.0.0.1 localhost\n10.0.0.11 cp-1 api # nodeseed\n"
        assert hosts.stat().st_mode & 0o777 == 0o644


def test_caches_of_the_user_data_go_and_the_datasource_stays(tmp_path: Path) -> None:
    cached = [
        "var/lib/cloud/instances/i-1/user-data.txt",
        "var/lib/cloud/instances/i-1/user-data.txt.i",
        "var/lib/cloud/instances/i-1/cloud-config.txt",
        "run/cloud-init/combined-cloud-config.json",
    ]
    for file in (*cached, "var/lib/cloud/instances/i-1/obj.pkl"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("secret")
    run(script("nodeseed-scrub.service", tmp_path))
    assert not [file for file in cached if (tmp_path / file).exists()]
    assert (tmp_path / "var/lib/cloud/instances/i-1/obj.pkl").exists()


@pytest.mark.parametrize("path", UNITS, ids=name)
def test_nothing_waits_for_what_waits_for_it(path: Path) -> None:
    """cloud-final.service is ordered after multi-user.target, and starts our target."""
    unit = settings(path)
    waits = unit.get("After", "").split() + unit.get("Requires", "").split()
    refused = {"multi-user.target", "cloud-final.service", "cloud-init.target"}
    if path.stem == "nodeseed-scrub":  # wanted by what cloud-final starts, and by nothing else
        refused.remove("cloud-final.service")
    assert not refused & set(waits)
    assert "etcd.service" not in waits  # nothing of ours waits for a quorum but by asking


@pytest.mark.parametrize("path", SERVICES, ids=name)
def test_all_but_what_installs_belong_to_the_node(path: Path) -> None:
    starts = path.with_suffix(".timer") if has_timer(path) else path
    wanted = settings(starts).get("WantedBy", "").split()
    assert ("nodeseed-node.target" in wanted) == (path.stem not in AT_EVERY_START)
    assert "kubelet.service" not in settings(path)["ExecStart"]
