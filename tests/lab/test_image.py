"""The node image: its tables agree with each other, with packer/ and with the product."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodeseed.outputs.packer import CREDENTIALS, root
from nodeseed.platforms import PLATFORMS
from nodeseed.spec.versions import CONTAINERD, KUBERNETES
from nodeseed_lab import component_images, image, rootfs
from nodeseed_lab.programs import TABLE


def test_an_image_for_a_cloud_holds_the_containerd_that_the_lab_proves() -> None:
    assert TABLE["containerd"].version == CONTAINERD


def test_every_builder_has_its_file_its_plugin_and_its_credentials() -> None:
    templates = {
        path.name.removesuffix(".pkr.hcl")
        for path in root().glob("*.pkr.hcl")
        if f'source "{path.name.removesuffix(".pkr.hcl")}" "node"' in path.read_text()
    }
    assert templates == set(CREDENTIALS)
    assert {row.builder for row in PLATFORMS.values()} <= templates
    build = (root() / "build.pkr.hcl").read_text()
    assert re.findall(r'"source\.([\w-]+)\.node"', build) == sorted(templates)
    plugins = re.findall(
        r"^    (\w+) = {", (root() / "plugins" / "plugins.pkr.hcl").read_text(), re.M
    )
    assert plugins == sorted(name.split("-")[0] for name in templates)


def test_a_platforms_variables_are_its_templates() -> None:
    for row in PLATFORMS.values():
        template = (root() / f"{row.builder}.pkr.hcl").read_text()
        for variable, key in row.builder_variables:
            assert f'variable "{variable}"' in template
            assert key in row.options.model_fields


def test_etcd_is_the_release_that_kubeadm_would_take() -> None:
    assert KUBERNETES[component_images.MINOR].etcd == TABLE[component_images.ETCD].version


def test_every_image_has_its_stage_in_the_dockerfile() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", component_images.DOCKERFILE.read_text(), re.M))
    assert set(component_images.TAGS) == stages - {"kubernetes", "userland"}


def test_every_program_on_a_node_and_in_its_images_has_a_row() -> None:
    assert {*image.SOFTWARE, *component_images.PROGRAMS} <= set(TABLE)


def test_programs_that_are_one_executable_are_built_in_one_folder() -> None:
    for row in TABLE.values():
        assert (row.source / "go.mod").exists(), row.name
        if row.part_of:
            assert (row.source / "main.go").read_text().count(f'"{row.binary}"') == 1


def test_packages_are_sorted_and_each_is_there_once() -> None:
    assert rootfs.packages() == sorted(set(rootfs.packages()))


def test_masked_units_are_sorted_and_none_is_ours() -> None:
    units = (root() / "container-masked-units.txt").read_text().split()
    assert units == sorted(set(units))
    ours = {path.name for path in root().glob("*/etc/systemd/system/*")}
    assert not ours & set(units)


def test_plugins_lie_apart_from_what_older_packers_read() -> None:
    read = [path for path in root().glob("*.pkr.hcl") if "required_plugins" in path.read_text()]
    assert read == []
    assert "required_plugins" in (root() / "plugins" / "plugins.pkr.hcl").read_text()


def test_the_tag_follows_from_everything_that_goes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "identity", lambda name: f"{name}-1")
    monkeypatch.setattr(component_images, "archive_home", lambda: Path("images-1"))
    before = image.node_tag()
    assert before == image.node_tag()
    monkeypatch.setattr(image, "identity", lambda name: f"{name}-2")
    assert image.node_tag() != before
