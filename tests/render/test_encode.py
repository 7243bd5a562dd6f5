"""Bytes for platforms: reproducible, within what each takes, and readable by cloud-init's rules."""

from __future__ import annotations

import base64
import email
import gzip
import hashlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nodeseed.platforms import PLATFORMS
from nodeseed.render.encode import ENCODINGS, cloud_config_text, counted_bytes
from tests.conftest import Workplace

TEXT = "#cloud-config\nhostname: cp-1\n"
DECODED = {
    "gzip": gzip.decompress,
    "base64-gzip": lambda data: gzip.decompress(base64.b64decode(data)),
    "plain": lambda data: data,
    "mime": lambda data: gzip.decompress(
        email.message_from_bytes(data).get_payload()[0].get_payload(decode=True)
    ),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_gives_the_text_back(name: str) -> None:
    assert DECODED[name](ENCODINGS[name](TEXT)) == TEXT.encode()


def test_gzip_has_neither_time_nor_name_and_a_pinned_compressor() -> None:
    packed = ENCODINGS["gzip"](TEXT * 50)
    assert packed[3:8] == bytes(5)
    assert hashlib.sha256(packed).hexdigest() == (
        "a9998c057fb9ce0f2d17e04b7e3ef5494a213ed1cf23b4e5422515765eac71c3"
    )


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=200), max_size=4))
def test_what_is_dumped_is_what_is_read(document: dict[str, str]) -> None:
    text = cloud_config_text({"write_files": [document]})
    assert yaml.safe_load(text) == {"write_files": [document]}


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_every_platform_is_a_complete_row(platform: object) -> None:
    row = PLATFORMS[platform.name]  # type: ignore[attr-defined]
    assert row.encoding in ENCODINGS
    assert row.title
    assert row.paste
    assert row.source
    assert row.limit is None or row.limit >= 16_384
    assert counted_bytes(row, b"x" * 300) == (400 if row.counted == "base64" else 300)


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_platform_renders_what_it_takes(name: str, workplace: Workplace) -> None:
    def on(spec: dict) -> None:  # type: ignore[type-arg]
        spec["platform"] = {"name": name, **({"region": "x"} if name == "aws" else {})}
        if PLATFORMS[name].needs_subnets:
            subnet = spec["networking"].pop("nodeSubnet")
            spec["networking"]["subnets"] = [{"cidr": subnet, "zone": "a"}]

    workplace.write(on)
    workplace.render()
    row, folder = PLATFORMS[name], workplace.out / "cp-1"
    data = (folder / "user-data").read_bytes()
    text = DECODED[row.encoding](data)
    readable = folder / "user-data.yaml"
    assert text == (readable.read_bytes() if readable.exists() else data)
    assert text.startswith(b"#cloud-config\n")
    assert (folder / "user-data.b64").exists() == row.text_form
    assert (folder / "meta-data").exists() == row.nocloud
    if row.text_form:
        assert base64.b64decode((folder / "user-data.b64").read_bytes()) == data
    if row.limit:
        assert counted_bytes(row, data) <= row.limit


def test_default_aws_nodes_are_small(workplace: Workplace) -> None:
    def aws(spec: dict) -> None:  # type: ignore[type-arg]
        spec["platform"] = {"name": "aws", "region": "eu-central-1"}
        subnet = spec["networking"].pop("nodeSubnet")
        spec["networking"]["subnets"] = [{"cidr": subnet, "zone": "eu-central-1a"}]

    workplace.write(aws)
    sizes = {row.node: row.size for row in workplace.render().rows}
    assert sizes["cp-1"] <= 15_008
    assert sizes["worker-1"] <= 6_816
