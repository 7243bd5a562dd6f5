"""The packages step: what is installed, what stays, and what is said while a mirror is away."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeseed_node.packages import packages
from tests.program.machines import FakeMachine

WANTED = {"kubelet": "1.37.2", "containerd": ""}
NOT_FOUND = "E: Version '1.37.2-*' for 'kubelet' was not found"


class Apt:
    """What apt and dpkg would answer; `installed` is what dpkg knows, by name."""

    def __init__(self, installed: dict[str, str], *, away: int = 0) -> None:
        self.installed = installed
        self.away = away
        self.asked: list[list[str]] = []

    def __call__(self, command: tuple[str, ...], _: str) -> tuple[int, str]:
        if command[0] == "dpkg-query":
            found = self.installed.get(command[-1])
            return (0, found) if found else (1, f"no packages found matching {command[-1]}")
        if command[:2] == ("apt-get", "update") and self.away:
            return 0, "Err:1 http://mirror\nW: Failed to fetch http://mirror/InRelease  refused"
        if "install" in command:
            if self.away:
                self.away -= 1
                return 100, f"Reading package lists...\n{NOT_FOUND}"
            names = [name for name in command if name.partition("=")[0] in WANTED]
            self.asked.append(names)
            for name in names:
                self.installed[name.partition("=")[0]] = "ii 1.37.2-1.1"
        return 0, ""


def machine(tmp_path: Path, apt: Apt) -> FakeMachine:
    m = FakeMachine(tmp_path, "packages", apt)
    m.configure(packages=WANTED)
    return m


def test_what_is_missing_is_installed_in_the_very_version_and_held(tmp_path: Path) -> None:
    apt = Apt({})
    m = machine(tmp_path, apt)
    assert packages(m) == 0
    assert apt.asked == [["kubelet=1.37.2-*", "containerd"]]
    assert ("apt-mark", "hold", "kubelet") in m.commands
    assert ("systemctl", "--no-block", "start", "containerd") in m.commands
    assert m.said == "2 packages in place"


@pytest.mark.parametrize(
    ("kubelet", "asked"),
    [
        ("ii 1.37.2-1.1", []),
        ("hi 1.37.2-1.1", []),
        ("hi 1.38.0-1.1", []),  # upgraded by hand
        ("hi 1.36.9-1.1", [["kubelet=1.37.2-*"]]),
        ("rc 1.37.2-1.1", [["kubelet=1.37.2-*"]]),  # removed, its configuration is left
        ("iU 1.37.2-1.1", [["kubelet=1.37.2-*"]]),  # unpacked when the power went
    ],
)
def test_nothing_is_put_back_and_nothing_is_left_half_done(
    kubelet: str, asked: list[list[str]], tmp_path: Path
) -> None:
    apt = Apt({"kubelet": kubelet, "containerd": "ii 2.1.0"})
    m = machine(tmp_path, apt)
    packages(m)
    assert apt.asked == asked
    if asked:
        assert any("--configure" in command for command in m.commands)


def test_a_mirror_that_is_away_is_waited_for_and_named(tmp_path: Path) -> None:
    apt = Apt({}, away=3)
    m = machine(tmp_path, apt)
    packages(m)
    assert [line.partition(": packages: ")[2] for line in m.console] == [
        "installing kubelet=1.37.2-* containerd",
        "W: Failed to fetch http://mirror/InRelease  refused",
        "2 packages in place",
    ]
    assert m.slept >= 30
