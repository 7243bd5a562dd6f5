"""The shipped file: one, small, the same bytes from every Python, and it still runs."""

from __future__ import annotations

import ast
import gzip
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from nodeseed.render.program import modules, program, ship, tree_digest
from nodeseed.render.shorten import shortened
from nodeseed_node.install import _digest
from tests.program.kinds import KINDS, steps_of

LARGEST = {"control-plane": 7_160, "control-plane-rendered": 7_420, "worker": 3_560}  # bytes


@pytest.mark.parametrize("node", KINDS)
def test_each_kind_of_node_gets_a_program_that_python_3_9_reads(node: str) -> None:
    text = program(steps_of(node))
    ast.parse(text, feature_version=(3, 9))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    assert not [token for token in tokens if token.type in (tokenize.COMMENT, tokenize.NL)]
    assert "nodeseed_node" not in text
    assert not [line for line in text.splitlines() if not line.strip()]


@pytest.mark.parametrize("name", modules())
def test_modules_use_the_grammar_of_python_3_9(name: str) -> None:
    ast.parse(modules()[name], feature_version=(3, 9))


@pytest.mark.parametrize("node", LARGEST)
def test_it_is_small(node: str) -> None:
    size = len(gzip.compress(program(steps_of(node)).encode(), 9, mtime=0))
    assert size <= LARGEST[node]


def test_a_worker_gets_nothing_of_a_control_plane() -> None:
    text = program(steps_of("worker"))
    assert "kubeadm init" not in text
    assert "member/list" not in text
    assert "/nodeseed/v1/state" not in text


def test_it_runs(tmp_path: Path) -> None:
    """Run as on a node, in a root of its own, where no command is found."""
    text = program(steps_of("worker"))
    assert text.endswith("}))\n")
    file = tmp_path / "node.py"
    file.write_text(text.replace("}))\n", f'}},"{tmp_path}"))\n'))
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", str(file), "install"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": ""},
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "nodeseed : install: revision none in place\n"


HAND_MADE = {
    "run": '''"""Docs."""
from __future__ import annotations
import sys
import json  # unused once annotations are gone
from typing import Any, Literal, NamedTuple


class Row(NamedTuple):
    """Only fields."""
    name: str
    size: int | None = 3


Kind = Literal["a", "b"]
TEXT = "only in an f-string"


class Empty(Exception):
    """Nothing in it."""


def run(steps: dict[str, Any], *, root: str = "/", **more: json.JSONDecoder) -> int:
    """Docs.

    On several lines.
    """
    found: dict[str, int] = {}
    text = f"{root + 'a  b'}  c # no comment {len( steps )} {TEXT}"

    def inner(x: int) -> int:
        return x if not x else 1 + x  # why

    lines = """kept
  # as it is
"""
    return inner(len(text + lines)) or -len(found)
''',
    "one": '''"""A step."""
from nodeseed_node.run import Row


def one(m: object) -> tuple[int, str]:
    return (0, "a" "b")
''',
}


def test_what_goes_and_what_stays() -> None:
    assert (
        ship(["one"], HAND_MADE)
        == '''import sys
from collections import namedtuple
g=namedtuple("Row","name size",defaults=[3])
h="only in an f-string"
class q(Exception):
 pass
def n(o,*,l="/",**s):
 i={}
 p=f"{l + 'a  b'}  c # no comment {len( o )} {h}"
 def j(d):
  return d if not d else 1+d
 k="""kept
  # as it is
"""
 return j(len(p+k))or-len(i)
def e(r):
 return(0,"a""b")
sys.exit(n({"one":e}))
'''
    )


def test_a_name_that_means_something_elsewhere_stays() -> None:
    source = """import json
def dump(value, *, indent=1, other=2):
    class Encoder(json.JSONEncoder):
        encoding = "x"
        def default(self, found):
            return f"{found!r:>{other}} {{found}} {value.name['found']}"
    return json.dumps(value, cls=Encoder, indent=indent), dump(value, other=[name for name in ""])
"""
    assert (
        shortened(source)
        == """import json
def d(b, *, indent=1, other=2):
    class c(json.JSONEncoder):
        encoding = "x"
        def default(e, a):
            return f"{a!r:>{other}} {{found}} {b.name['found']}"
    return json.dumps(b, cls=c, indent=indent), d(b, other=[name for name in ""])
"""
    )


def test_a_name_that_cannot_be_replaced_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be replaced"):
        shortened("""def outer(found):\n    return f"{f'{found}'}"\n""")


def test_arguments_whose_names_are_not_to_be_seen_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a call with \*\*"):
        shortened("def outer(found):\n    return outer(**{'found': found})\n")


def test_names_that_two_modules_share_are_refused() -> None:
    clash = {**HAND_MADE, "one": HAND_MADE["one"] + "\n\nclass Row:\n    pass\n"}
    with pytest.raises(ValueError, match=r"run\.py and one\.py both define Row"):
        ship(["one"], clash)


def test_what_cannot_be_positioned_is_refused() -> None:
    with pytest.raises(ValueError, match="only ASCII"):
        ship(["one"], {**HAND_MADE, "one": HAND_MADE["one"].replace("step", "st\u00e9p")})


def test_generator_and_node_condense_a_tree_alike(tmp_path: Path) -> None:
    files = {"a/b": b"1", "a-c": b"\xff", "etc/nodeseed/config.json": b"{}"}
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert tree_digest(files) == _digest(tmp_path)
