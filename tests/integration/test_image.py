"""kubeadm and Packer agree with what the node image is made from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nodeseed_lab import component_images
from nodeseed_lab.errors import LabError
from nodeseed_lab.packer import packer, root
from nodeseed_lab.programs import program


def test_the_images_are_those_that_kubeadm_wants() -> None:
    listed = subprocess.run(
        [
            *(program("kubeadm-1.37"), "config", "images", "list"),
            *("--kubernetes-version", component_images.RELEASE),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    beside = {"node-cache", "probe"}  # of our add-ons, and of the tests
    ours = {tag for stage, tag in component_images.TAGS.items() if stage not in beside}
    assert ours == set(listed.stdout.split())


@pytest.mark.parametrize("builder", ["docker", "amazon-ebs", "qemu"])
def test_packer_accepts_the_templates(builder: str, tmp_path: Path) -> None:
    packer(
        "validate",
        only=f"{builder}.node",
        var_file=root() / "versions.pkrvars.hcl",
        var={"qemu_disk_checksum": "none"},  # its publisher's list is on the internet
        log=tmp_path / "log",
    )


def test_packer_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="kubernetes_version"):
        packer("validate", only="docker.node", log=tmp_path / "log")
