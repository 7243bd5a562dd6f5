"""The node image says what is in it, on Debian 12 and 13; one that fails its self-test is none."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import Any

import pytest

from nodeseed.outputs.packer import root
from nodeseed_lab import component_images, rootfs
from nodeseed_lab.image import node_image
from nodeseed_lab.programs import TABLE, program

PROVISION = "/tmp/provision"  # noqa: S108 - where Packer puts it
NAMES = {"trixie": "Debian GNU/Linux 13 (trixie)", "bookworm": "Debian GNU/Linux 12 (bookworm)"}


def run(image: str, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command says in a container of an image, which has our packer folder in it again."""
    given = [f"--env={name}={value}" for name, value in environment.items()]
    return subprocess.run(
        [
            *("docker", "run", "--rm", "--network=none", f"--volume={root()}:{PROVISION}:ro"),
            *(*given, "--entrypoint", command[0], image, *command[1:]),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def manifest(image: str) -> Any:
    return json.loads(run(image, "cat", "/etc/nodeseed/image.json").stdout)


@pytest.mark.parametrize("suite", NAMES)
def test_an_image_says_what_is_in_it(image: str, suite: str) -> None:
    tag = image if suite == rootfs.SUITE else node_image(print, suite)
    found = manifest(tag)
    assert (found["name"], found["base"]) == (tag, NAMES[suite])
    versions = {
        "kubelet": component_images.RELEASE,
        "kubeadm": component_images.RELEASE,
        "kubectl": component_images.RELEASE,
        "containerd": TABLE["containerd"].version,
        "etcd": TABLE[component_images.ETCD].version,
    }
    assert found["programs"].items() >= versions.items()
    assert set(component_images.TAGS.values()) <= found["images"].keys()
    assert found["packages"].keys() == set(rootfs.packages())
    etcd = hashlib.sha256(program(component_images.ETCD).read_bytes()).hexdigest()
    assert found["files"]["/usr/local/bin/etcd"] == etcd
    assert run(tag, "cat", "/etc/nodeseed/image").stdout == f" (image {tag})"
    traces = ("/etc/machine-id", "/etc/ssh/", "/var/lib/apt/lists/")
    assert run(tag, "find", *traces, "-size", "+0", "-type", "f").stdout == ""


def test_an_image_that_is_not_what_was_asked_for_is_none(image: str) -> None:
    """containerd does not run here, so the self-test finds what was not asked for, and more."""
    said = run(
        image, "python3", f"{PROVISION}/self_test.py",
        ETCD_VERSION="9.9.9", PACKAGES="no-such-package",
    )  # fmt: skip
    assert said.returncode == 1
    wrong = said.stderr.splitlines()
    assert "self-test: etcd is 3.7.0, not 9.9.9" in wrong
    assert "self-test: the package no-such-package is not installed" in wrong
    assert "self-test: containerd serves no CRI" in wrong
    assert f"self-test: the image {component_images.TAGS['pause']} is not there, or not whole" in (
        wrong
    )
    assert not [line for line in wrong if "kubelet" in line]
