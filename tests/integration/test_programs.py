"""The programs that other integration tests rely on run, and are the releases that we pin."""

import re
import subprocess

import pytest

from nodeseed_lab.programs import TABLE, Program, ProgramError, program

PUBLISHED = {name: row for name, row in TABLE.items() if row.module}


@pytest.mark.parametrize("row", PUBLISHED.values(), ids=PUBLISHED)
def test_prints_the_version_that_its_go_mod_pins(row: Program) -> None:
    done = subprocess.run(
        [program(row.name), *row.version_arguments], capture_output=True, text=True, check=True
    )
    assert row.version in re.findall(r"\d+\.\d+\.\d+", done.stdout + done.stderr)


@pytest.mark.parametrize("name", [name for name in TABLE if name not in PUBLISHED])
def test_a_program_of_ours_needs_nothing_but_the_kernel(name: str) -> None:
    links = subprocess.run(["ldd", program(name)], capture_output=True, text=True, check=False)
    assert "not a dynamic executable" in links.stderr


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ProgramError, match=r"no program 'etcd-2\.3'; there are .*etcd-3\.7"):
        program("etcd-2.3")


def test_without_go_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProgramError, match=r"install Go 1\.\d+\S* or newer"):
        program("zlint")
