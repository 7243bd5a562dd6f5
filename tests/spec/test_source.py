"""YAML without its surprises."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nodeseed.errors import NodeseedError, SpecError
from nodeseed.spec.load import load
from nodeseed.spec.source import Number, parse
from tests.conftest import spec_with


def value(text: str) -> Any:
    return parse(text.encode(), "x.yaml").data


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0600", "0600"),
        ("22:22", "22:22"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ('"1.30"', "1.30"),
        ("0x1f", "0x1f"),
        ("2026-11-24", "2026-11-24"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, meant: object) -> None:
    assert value(text) == meant


def test_a_decimal_number_remembers_what_was_typed() -> None:
    number = value("1.30")
    assert isinstance(number, Number)
    assert number.text == "1.30"


def test_lines_are_known_by_path() -> None:
    source = parse(b"a: 1\nb:\n  - c: 2\n  - d: {e: 3}\n", "x.yaml")
    assert source.line(("b", 1, "d", "e")) == 4
    assert source.line(("b", 1, "nothing")) == 4
    assert source.value(("b", 0, "c")) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "x.yaml:2: a: this key is already there; keep one of the two"),
        ("a: &x 1\nb: *x\n", "x.yaml:2: b: YAML aliases are not read; write the value out"),
        ("a: !!int 1\n", "x.yaml:1: a: YAML tag tag:yaml.org,2002:int; leave the tag away"),
        ("a: 1\n---\nb: 1\n", "x.yaml:2: a second document; one file describes one cluster"),
        ("1: 2\n", "x.yaml:1: the key 1 is no text; use a quoted name"),
        ("a: [1\n", "x.yaml:2: not valid YAML: did not find expected ',' or ']'; "),
        ('a: "\\ue000key:ca"\n', "x.yaml:1: a: a reserved character (U+E000); take it out"),
        ("[" * 100, "x.yaml:1: [0][0]"),
    ],
)
def test_what_is_ambiguous_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse(text.encode(), "x.yaml")
    assert str(refused.value).startswith(message)


def test_deep_nesting_does_not_crash() -> None:
    with pytest.raises(SpecError):
        parse(b"[" * 500_000, "x.yaml")


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_crash_the_loader(text: bytes) -> None:
    with contextlib.suppress(NodeseedError):
        load(text, "x.yaml")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


_FIELDS = [
    "name",
    "platform",
    "networking",
    "nodes",
    "pki",
    "etcd",
    "files",
    "kubernetes",
    "endpoint",
    "kubelet",
    "proxy",
]


@given(st.sampled_from(_FIELDS), _VALUES)
def test_no_value_in_a_cluster_file_crashes_the_loader(field: str, wrong: object) -> None:
    spec = spec_with(lambda s: s.update({field: wrong}))
    with contextlib.suppress(NodeseedError):
        load(yaml.safe_dump(spec).encode(), "x.yaml")
