"""The image that machines of the lab boot: made once of Debian, Go modules and our packer/ folder.

This is the whole way on one page. Each step gives what it makes a name that is a fingerprint of
everything that goes into it: only what is missing is made, and what was interrupted is made anew.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from docker.errors import ImageNotFound

from nodeseed.outputs.packer import packer, root
from nodeseed_lab import cache, component_images, rootfs
from nodeseed_lab.component_images import ETCD, MINOR
from nodeseed_lab.engine import Say, connect
from nodeseed_lab.programs import TABLE, identity, is_built, program

REPOSITORY = "nodeseed-lab/node"

SOFTWARE: Mapping[str, str] = MappingProxyType(
    {
        f"kubelet-{MINOR}": "binary kubernetes kubelet kubeadm kubectl",
        ETCD: "binary etcd",
        "containerd": "binary containerd",
        "containerd-shim-runc-v2": "binary containerd-shim-runc-v2",
        "ctr": "binary ctr",
    }
)
"""The programs beside Debian's on a node, and how packer/provision.sh installs each."""


def quiet(_: str) -> None:
    """Say nothing."""


def node_tag(suite: str = rootfs.SUITE) -> str:
    """The Docker tag of the node image that belongs to this checkout."""
    key = cache.fingerprint(
        rootfs.base_tag(suite),
        str(component_images.archive_home()),
        *(f"{identity(name)} {install}" for name, install in SOFTWARE.items()),
        cache.tree_fingerprint(root()),
    )
    return f"{REPOSITORY}:{key}"


def node_image(say: Say = quiet, suite: str = rootfs.SUITE) -> str:
    """Give the Docker tag of the node image, making first whatever of it is missing.

    A cold build compiles Kubernetes and takes about a quarter of an hour on two cores; when all is
    there this takes a moment.

    Args:
        say: is told each step in one line as it begins.
        suite: the release of Debian that it begins with.

    Raises:
        NodeseedError: something that it needs is missing, or a step failed; the message says which.
    """
    client = connect(say)
    tag = node_tag(suite)
    try:
        client.images.get(tag)
    except ImageNotFound:
        base = rootfs.base_image(client, say, suite)
        _build_programs(say)
        images = component_images.archive(client, say)
        say("Packer bakes the node image")
        _bake(tag, base, images)
    return tag


def _build_programs(say: Say) -> None:
    for name in dict.fromkeys((*SOFTWARE, *component_images.PROGRAMS)):
        if not is_built(name):
            say(f"{name}, from its Go module")
            program(name)


def _bake(tag: str, base: str, images: Path) -> None:
    """Run Packer; the image gets its tag last, so that a tag is always a complete image."""
    with tempfile.TemporaryDirectory(dir=images.parent) as folder:
        work = Path(folder)
        files = work / "software"
        containerd = work / "containerd"
        for path in (files, containerd):
            path.mkdir()
        sources = {program(name).resolve(): install for name, install in SOFTWARE.items()}
        sources[images] = "images"
        for source in sources:
            (files / source.name).hardlink_to(source)
        variables = {
            "image_name": tag,
            "docker_base": base,
            "docker_volumes": {str(files): "/software", str(containerd): "/var/lib/containerd"},
            "software": [
                {
                    "url": f"file:///software/{source.name}",
                    "sha256": _sha256(source),
                    "install": install,
                }
                for source, install in sources.items()
            ],
            # not where to get them from, but what the self-test must find
            "kubernetes_version": component_images.RELEASE,
            "containerd_version": TABLE["containerd"].version,
            "etcd_version": TABLE[ETCD].version,
            "sha256": {},
        }
        (work / "lab.pkrvars.json").write_text(json.dumps(variables))
        packer(
            "build",
            builder="docker",
            var_file=work / "lab.pkrvars.json",
            color="false",
            log=cache.folder("images") / "packer.log",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
