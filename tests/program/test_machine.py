"""The seam: files survive a cut, the console hears news only, waits end."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeseed_node.machine import STATUS, Machine
from tests.program.machines import FakeMachine


def test_a_written_file_has_its_mode_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    m = Machine(str(tmp_path), "test")
    m.write("etc/secret", "one", 0o600)
    m.write("etc/secret", b"two", 0o640)
    assert m.text("etc/secret") == "two"
    assert (tmp_path / "etc/secret").stat().st_mode & 0o7777 == 0o640
    assert list((tmp_path / "etc").iterdir()) == [tmp_path / "etc/secret"]


def test_what_a_power_cut_left_half_written_is_in_nobodys_way(tmp_path: Path) -> None:
    m = Machine(str(tmp_path), "test")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/.secret.nodeseed").write_text("hal")
    m.write("etc/secret", "whole", 0o600)
    assert list((tmp_path / "etc").iterdir()) == [tmp_path / "etc/secret"]


def test_absent_and_broken_files_are_empty(tmp_path: Path) -> None:
    m = Machine(str(tmp_path), "test")
    (tmp_path / "half").write_text('{"a":')
    (tmp_path / "noise").write_bytes(b"\xff\xfe")
    assert (m.text("none"), m.text("noise")) == ("", "")
    assert (m.load("none"), m.load("half"), m.load("noise")) == ({}, {}, {})


def test_the_console_hears_each_change_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    m = FakeMachine(tmp_path, "etcd")
    m.configure(node="cp-2")
    for text in ("waiting", "waiting", "there", "there", "waiting"):
        m.say(text)
    FakeMachine(tmp_path, "network").say("there")
    assert m.console == [
        "nodeseed cp-2: etcd: waiting",
        "nodeseed cp-2: etcd: there",
        "nodeseed cp-2: etcd: waiting",
        "nodeseed cp-2: network: there",
    ]
    assert capsys.readouterr().out.splitlines() == m.console
    assert m.load(STATUS) == {"etcd": "waiting", "network": "there"}


def test_a_machine_without_a_console_works(tmp_path: Path) -> None:
    m = FakeMachine(tmp_path)
    m.path("dev/console").unlink()
    m.say("hello")
    assert m.said == "hello"


def test_a_wait_says_what_is_missing_and_ends(tmp_path: Path) -> None:
    m = FakeMachine(tmp_path)
    answers = iter(["first", OSError("refused"), ""])

    def missing() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return str(answer)

    assert m.until(missing)
    assert [line.split(": ", 2)[2] for line in m.console] == ["first", "refused"]


def test_a_bounded_wait_gives_up(tmp_path: Path) -> None:
    m = FakeMachine(tmp_path)
    assert not m.until(lambda: "never", 120)
    assert m.slept == 120


def test_programs_report_code_and_output() -> None:
    m = Machine("/", "test")
    assert m.run("sh", "-c", "cat; echo err >&2; exit 3", stdin="in\n") == (3, "in\nerr")
    code, said = m.run("no-such-program-here")
    assert code == 127
    assert "No such file" in said
