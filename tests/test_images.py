"""``nodeseed iso``: the images hold what was rendered, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from nodeseed.errors import OutputError, SpecError
from nodeseed.images import write_images
from tests.conftest import Workplace
from tests.nodes.changes import aws, put
from tests.outputs.test_volume import files_of

SEED = ("user-data", "meta-data", "network-config")


def test_each_node_gets_an_image_of_its_own_files(workplace: Workplace) -> None:
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


def test_a_network_of_the_images_own_has_no_file(workplace: Workplace) -> None:
    workplace.write(put("platform.network", "none"))
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
