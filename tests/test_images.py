"""``nodeseed iso``: the images hold what was rendered, and nothing else is taken for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodeseed.errors import OutputError, SpecError
from nodeseed.images import write_images, write_shared_image
from tests.conftest import Workplace
from tests.nodes.changes import aws, put
from tests.outputs.test_volume import files_of

SEED = ("user-data", "meta-data", "network-config")


def test_each_node_gets_an_image_of_its_own_files(workplace: Workplace) -> None:
    workplace.write(put("platform.interface", "ens3"))
    workplace.render()
    written = write_images(workplace.state, workplace.out, [])
    assert [path.name for path in written] == ["cp-1.iso", "cp-2.iso", "cp-3.iso", "worker-1.iso"]
    for path in written:
        assert path.stat().st_mode & 0o7777 == 0o600
        held = {name: content for name, (_, content) in files_of(path.read_bytes(), "rr").items()}
        folder = workplace.out / path.stem
        assert held == {name: (folder / name).read_bytes() for name in SEED}
    before = written[0].read_bytes()
    assert write_images(workplace.state, workplace.out, ["cp-1"]) == written[:1]
    assert written[0].read_bytes() == before


@pytest.mark.parametrize("network", ["none", "dhcp"])
def test_a_network_that_the_image_or_cloud_init_finds_has_no_file(
    workplace: Workplace, network: str
) -> None:
    workplace.write(put("platform.network", network))
    workplace.render()
    (path,) = write_images(workplace.state, workplace.out, ["cp-1"])
    assert sorted(files_of(path.read_bytes(), "joliet")) == ["meta-data", "user-data"]


def test_what_is_not_of_the_last_render_is_refused(workplace: Workplace) -> None:
    workplace.render()
    old = (workplace.out / "worker-1" / "meta-data").read_bytes()
    workplace.write(put("nodes.3.labels", {"disk": "fast"}))
    workplace.render()
    (workplace.out / "worker-1" / "meta-data").write_bytes(old)
    write_images(workplace.state, workplace.out, ["cp-1"])
    with pytest.raises(
        OutputError, match=r"worker-1: is not of the last render .* nodeseed render"
    ):
        write_images(workplace.state, workplace.out, ["cp-1", "worker-1"])
    (workplace.out / "worker-1" / "user-data").unlink()
    with pytest.raises(OutputError, match="user-data: is not there; run: nodeseed render"):
        write_images(workplace.state, workplace.out, [])


def test_other_nodes_and_platforms_are_refused(workplace: Workplace) -> None:
    workplace.render()
    with pytest.raises(SpecError, match="there is no node cp-9; name one of the file"):
        write_images(workplace.state, workplace.out, ["cp-9"])
    workplace.write(aws)
    with pytest.raises(SpecError, match=r"platform.name: Amazon EC2 takes user-data by itself"):
        write_images(workplace.state, workplace.out, [])


def matched(spec: dict[str, Any]) -> None:
    for number, node in enumerate(spec["nodes"]):
        node["match"] = {"serial": f"S{number}", "mac": f"52:54:00:00:00:0{number}"}


def test_one_image_holds_every_part_and_says_whose_it_is(workplace: Workplace) -> None:
    workplace.write(matched, put("platform.interface", "ens3"))
    workplace.render()
    path = write_shared_image(workplace.state, workplace.out, [])
    assert path.name == "all_machines.iso"
    assert path.stat().st_mode & 0o7777 == 0o600
    held = {name: content for name, (_, content) in files_of(path.read_bytes(), "rr").items()}
    parts = {
        f"nodes/{node}/{name}": (workplace.out / node / name).read_bytes()
        for node in ("cp-1", "cp-2", "cp-3", "worker-1")
        for name in SEED
    }
    assert parts.items() <= held.items()
    assert set(held) - set(parts) == {"user-data", "meta-data", "machines.json"}
    assert held["user-data"].startswith(b"#cloud-boothook\n#!/usr/bin/python3\n")
    assert json.loads(held["machines.json"])["cp-2"] == {"mac": "52:54:00:00:00:01", "serial": "S1"}
    assert b"BEGIN" not in held["user-data"] + held["meta-data"] + held["machines.json"]
    few = write_shared_image(workplace.state, workplace.out, ["worker-1"])
    assert "nodes/cp-1/user-data" not in files_of(few.read_bytes(), "rr")


def test_one_image_for_all_goes_with_the_next_change(workplace: Workplace) -> None:
    workplace.write(matched)
    workplace.render()
    path = write_shared_image(workplace.state, workplace.out, [])
    workplace.render()
    assert path.exists()
    workplace.write(matched, put("nodes.3.labels", {"disk": "fast"}))
    workplace.render()
    assert not path.exists()


def test_one_image_needs_to_tell_machines_apart(workplace: Workplace) -> None:
    workplace.render()
    with pytest.raises(SpecError, match="nodes: no machine can be told to be cp-1; write match"):
        write_shared_image(workplace.state, workplace.out, [])
