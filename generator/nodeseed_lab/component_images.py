"""The container images of a cluster's components, each `FROM scratch` around a program of ours.

How each is made is in packer/images/Dockerfile; here is under which names kubeadm expects them.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import docker
from docker.errors import BuildError

from nodeseed.nodes.dns import NODE_CACHE
from nodeseed.outputs.packer import root
from nodeseed.spec.versions import KUBERNETES
from nodeseed_lab import cache
from nodeseed_lab.engine import Say
from nodeseed_lab.errors import LabError
from nodeseed_lab.programs import TABLE, identity, program
from nodeseed_lab.rootfs import base_image, base_tag

DOCKERFILE = root() / "images" / "Dockerfile"

MINOR = "1.37"
RELEASE = TABLE[f"kubeadm-{MINOR}"].version
ETCD = "etcd-3.7"

KUBERNETES_PROGRAM = f"kube-apiserver-{MINOR}"
PROGRAMS = (KUBERNETES_PROGRAM, ETCD, "coredns", "pause", "probe")
"""What is in the images; the first has all Kubernetes components beside it."""

TAGS: Mapping[str, str] = MappingProxyType(
    {
        "kube-apiserver": f"registry.k8s.io/kube-apiserver:v{RELEASE}",
        "kube-controller-manager": f"registry.k8s.io/kube-controller-manager:v{RELEASE}",
        "kube-scheduler": f"registry.k8s.io/kube-scheduler:v{RELEASE}",
        "kube-proxy": f"registry.k8s.io/kube-proxy:v{RELEASE}",
        "etcd": f"registry.k8s.io/etcd:{KUBERNETES[MINOR].etcd}-0",
        "coredns": f"registry.k8s.io/coredns/coredns:v{TABLE['coredns'].version}",
        "node-cache": f"registry.k8s.io/dns/k8s-dns-node-cache:{NODE_CACHE}",
        "pause": f"registry.k8s.io/pause:{KUBERNETES[MINOR].pause}",
        "probe": "lab.local/probe:1",
    }
)
"""The images by their stage in the Dockerfile, as kubeadm and the cluster's add-ons name them."""


def archive_home() -> Path:
    """The folder of the archive, named by everything that goes into it."""
    key = cache.fingerprint(
        DOCKERFILE.read_text(), base_tag(), *map(identity, PROGRAMS), *TAGS.values()
    )
    return cache.folder("images") / key


def archive(client: docker.DockerClient, say: Say) -> Path:
    """Give one archive with all the images, making it first if it is not in the cache.

    Raises:
        LabError: a program or an image cannot be built.
    """

    def make(partial: Path) -> None:
        base = base_image(client, say)
        say(f"Container images of {len(TAGS)} components")
        with tempfile.TemporaryDirectory(dir=partial) as context:
            _gather(Path(context))
            for stage, tag in TAGS.items():
                _build(client, context, stage, tag, base)
        _save(partial / "images.tar")

    return cache.complete(archive_home(), make) / "images.tar"


def _gather(context: Path) -> None:
    """Put the Dockerfile and the programs into one folder; Kubernetes' links stay links."""
    shutil.copy(DOCKERFILE, context)
    kubernetes, *others = map(program, PROGRAMS)
    shutil.copytree(kubernetes.parent, context / "kubernetes", symlinks=True)
    for binary in others:
        shutil.copy(binary, context)


def _build(client: docker.DockerClient, context: str, stage: str, tag: str, base: str) -> None:
    try:
        client.images.build(path=context, target=stage, tag=tag, buildargs={"BASE": base}, rm=True)
    except BuildError as error:
        log = "".join(str(line.get("stream", "")) for line in error.build_log)
        raise LabError(f"The image {tag} cannot be built: {error.msg}\n{log[-2000:]}") from error


def _save(path: Path) -> None:
    """Save all in one archive, so that a layer that several have is in it once."""
    done = subprocess.run(
        ["docker", "save", "--output", path, *TAGS.values()],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"`docker save` failed: {done.stderr.strip()}")
