"""The command line as its users see it: words, exit codes, and nothing that should not be seen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nodeseed import __version__, errors
from tests.conftest import Workplace


def nodeseed(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key != "NODESEED_SEED"}
    return subprocess.run(
        [sys.executable, "-m", "nodeseed", *map(str, arguments)],
        cwd=cwd,
        env={**kept, "COLUMNS": "100", "NO_COLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_version_and_help(tmp_path: Path) -> None:
    assert nodeseed("--version", cwd=tmp_path).stdout == f"nodeseed {__version__}\n"
    said = nodeseed("--help", cwd=tmp_path).stdout
    commands = ["render", "check", "certs", "renew", "open", "seal", "recover-lock", "new", "iso"]
    for command in commands:
        assert command in said
        done = nodeseed(command, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert "Usage" in done.stdout


def test_from_nothing_to_user_data_and_back(tmp_path: Path) -> None:
    assert nodeseed("new", "home", cwd=tmp_path).returncode == 0
    assert nodeseed("check", "home.yaml", cwd=tmp_path).returncode == 0
    done = nodeseed("render", "home.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("cp-1", "control-plane", "home.seed is new", "may form until", "files written"):
        assert word in done.stdout
    assert (tmp_path / "out" / "home" / "worker-2" / "user-data").exists()
    seed = (tmp_path / "home.seed").read_text()
    assert seed.strip() not in done.stdout + done.stderr
    again = nodeseed("render", "home.yaml", cwd=tmp_path)
    assert "out/home: nothing changed." in again.stdout


def test_a_node_without_certificates_expires_never(workplace: Workplace) -> None:
    def balancer(spec: dict[str, Any]) -> None:
        spec["endpoint"].update(provider="haproxy-keepalived", address="10.0.0.100")
        node = {"name": "lb-1", "role": "load-balancer", "address": "10.0.0.31"}
        spec["nodes"].append(node)

    workplace.write(balancer)
    done = nodeseed("render", "test.yaml", cwd=workplace.folder)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("lb-1")]
    assert line.split()[1] == "load-balancer"
    assert line.split()[-1] == "-"


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    nodeseed("new", "home", cwd=tmp_path)
    (tmp_path / "home.yaml").write_text("mine")
    done = nodeseed("new", "home", cwd=tmp_path)
    assert done.returncode == errors.OutputError.exit_code
    assert (tmp_path / "home.yaml").read_text() == "mine"
    assert nodeseed("new", "No_Label", cwd=tmp_path).returncode == 2


def test_a_question_that_nobody_answers_changes_nothing(workplace: Workplace) -> None:
    workplace.render()
    before = workplace.state.lock_path.read_bytes()
    done = nodeseed("open", "test.yaml", cwd=workplace.folder)
    assert done.returncode == errors.Refused.exit_code
    assert done.stderr.endswith("no answer: nothing was changed\n")
    assert workplace.state.lock_path.read_bytes() == before
    workplace.state.lock_path.unlink()
    done = nodeseed("recover-lock", "test.yaml", cwd=workplace.folder)
    assert done.returncode == errors.Refused.exit_code
    assert not workplace.state.lock_path.exists()


def test_certs_needs_neither_seed_nor_cluster_file(workplace: Workplace) -> None:
    workplace.render()
    workplace.state.seed_path.unlink()
    workplace.state.spec.unlink()
    done = nodeseed("certs", "test.yaml", "--format", "json", cwd=workplace.folder)
    rows = json.loads(done.stdout)
    assert len(rows) == 3 * 13 + 2 + 4  # control planes, the worker, three CAs and the operator
    assert rows == sorted(rows, key=lambda row: (row["not_after"], row["holder"]))
    assert set(rows[0]) == {"certificate", "holder", "issuer", "not_after", "days"}
    table = nodeseed("certs", "test.yaml", cwd=workplace.folder).stdout
    assert re.search(r"kubelet-client +worker-1 +ca +20\d\d-\d\d-\d\d +\d+", table)


def test_mistakes_are_said_with_file_line_and_path_and_no_traceback(workplace: Workplace) -> None:
    workplace.write(lambda spec: spec["nodes"][3].update(address="10.0.0.11", colour="red"))
    done = nodeseed("render", "test.yaml", cwd=workplace.folder)
    assert done.returncode == errors.SpecError.exit_code
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(re.match(r"test\.yaml:\d+: nodes\[3\]\.\w+: .+; .+", line) for line in lines)


@pytest.mark.parametrize("command", ["render", "check"])
def test_an_absent_file_is_said_in_one_line(command: str, tmp_path: Path) -> None:
    done = nodeseed(command, "nothing.yaml", cwd=tmp_path)
    assert done.returncode == errors.SpecError.exit_code
    assert done.stderr == (
        "nothing.yaml: cannot be read: No such file or directory; "
        "make one with `nodeseed new NAME`\n"
    )


def test_the_seed_may_come_from_the_environment(workplace: Workplace) -> None:
    workplace.render()
    seed = workplace.state.seed_path.read_text()
    workplace.state.seed_path.unlink()
    done = nodeseed("render", "test.yaml", cwd=workplace.folder, NODESEED_SEED=seed)
    assert done.returncode == 0, done.stderr
    assert not workplace.state.seed_path.exists()
    wrong = nodeseed("render", "test.yaml", cwd=workplace.folder, NODESEED_SEED="hunter2")
    assert wrong.returncode == errors.SeedError.exit_code
    assert "hunter2" not in wrong.stderr


def test_open_asks_before_it_opens(workplace: Workplace) -> None:
    workplace.render()
    assert nodeseed("seal", "test.yaml", cwd=workplace.folder).returncode == 0
    done = nodeseed("open", "test.yaml", cwd=workplace.folder)
    assert done.returncode != 0
    assert '"until": null' in workplace.state.lock_path.read_text()
    assert nodeseed("open", "test.yaml", "--yes", cwd=workplace.folder).returncode == 0
    assert '"until": "20' in workplace.state.lock_path.read_text()


def test_every_family_of_errors_has_an_exit_code_of_its_own() -> None:
    def leaves(kind: type[errors.NodeseedError]) -> list[type[errors.NodeseedError]]:
        below = [sub for sub in kind.__subclasses__() if sub.__module__ == errors.__name__]
        return [leaf for sub in below for leaf in leaves(sub)] if below else [kind]

    codes = [leaf.exit_code for leaf in leaves(errors.NodeseedError)]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, 2} & set(codes)
    for leaf in leaves(errors.NodeseedError):
        assert re.search(rf"{leaf.__name__} +{leaf.exit_code} ", errors.__doc__ or "")
