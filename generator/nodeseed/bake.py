"""An image for a cluster's machines: what must be in it follows from the cluster file.

What a node runs and loads is in the files that it will get; so which kernel modules and container
images an image needs is read from these very files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nodeseed.errors import Problem, SpecError
from nodeseed.nodes.design import Design
from nodeseed.nodes.plan import context, sets
from nodeseed.nodes.software import debian_packages, image_name
from nodeseed.nodes.transport import fetch_step
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.outputs.files import write_public
from nodeseed.outputs.packer import packer
from nodeseed.pipeline import prepare
from nodeseed.platforms import PLATFORMS
from nodeseed.render.templates import file_set, render_file
from nodeseed.spec.software import Baked, BakedChecksums

_IMAGE = re.compile(r"""^[ -]*image: *["']?([^\s"']+)""", re.MULTILINE)
_AT = "kubernetes.software"


def bake(
    state: ClusterState,
    folder: Path,
    *,
    platform: str | None = None,
    name: str | None = None,
    variables: Mapping[str, str],
    only_check: bool = False,
) -> str:
    """Bake an image by Packer, which says on the terminal what it does.

    Args:
        state: the cluster.
        folder: where Packer's variables are written, as ``NAME.pkrvars.json``, and disks.
        platform: for which platform; None: the cluster file's.
        name: what the image is called; None: ``nodeseed-`` and the Kubernetes release.
        variables: further ones of Packer's templates; they win.
        only_check: let Packer look at templates and variables, and build nothing.

    Returns:
        What was made, in a sentence.

    Raises:
        SpecError: the cluster file says nothing of an image, or there is no such platform.
        ImageError: Packer is missing, or failed.
    """
    design = prepare(state)
    row = design.platform if platform is None else PLATFORMS.get(platform)
    if row is None:
        raise _refused(state, f"there is no platform {platform}", f"one of {', '.join(PLATFORMS)}")
    given = image_variables(design, _baked(state, design))
    if row is design.platform:
        options = design.platform_options
        given.update((name, getattr(options, key)) for name, key in row.builder_variables)
    given["image_name"] = name or image_name(design)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{given['image_name']}.pkrvars.json"
    write_public(file, (json.dumps(given, indent=1) + "\n").encode())
    arguments: dict[str, Any] = {"builder": row.builder, "var_file": file, "var": dict(variables)}
    packer("validate", **arguments)
    if only_check:
        return f"{file}: Packer's {row.builder} takes it; nothing was built."
    packer("build", **arguments)
    return f"{given['image_name']}: baked for {row.title}, from {file}."


def image_variables(design: Design, baked: Baked) -> dict[str, Any]:
    """The variables of packer/variables.pkr.hcl that follow from the cluster file."""
    kubernetes = design.cluster.kubernetes
    modules, images = _contents(design)
    return {
        "kubernetes_version": kubernetes.version,
        "containerd_version": baked.containerd,
        "etcd_version": design.etcd_version,
        "architecture": baked.architecture,
        "sha256": baked.sha256.model_dump(),
        "packages": _packages(design, baked),
        "image_repository": kubernetes.imageRepository,
        "images": images,
        "modules": modules,
    }


def _packages(design: Design, baked: Baked) -> list[str]:
    found = {name for machine in design.everyone for name in debian_packages(design, machine)}
    if fetch_step(design) == "fetch-age":  # needed before a node knows what else it needs
        found.add("age")
    return sorted(found | set(baked.packages))


def _contents(design: Design) -> tuple[list[str], list[str]]:
    """Kernel modules and container images that the nodes' files name."""
    modules, images = set[str](), set[str]()
    for path, text in _files(design):
        if path.startswith("/etc/modules-load.d/"):
            modules.update(text.split())
        images.update(map(_whole_name, _IMAGE.findall(text)))
    return sorted(modules), sorted(images)


def _files(design: Design) -> Iterator[tuple[str, str]]:
    """The files of one machine of each role, and the operator's objects."""
    for machine in {machine.role: machine for machine in reversed(design.everyone)}.values():
        values = context(design, machine)
        for name in sets(design, machine):
            for path in file_set(name):
                yield path, render_file(name, path, values)
    yield from design.manifests.items()


def _whole_name(image: str) -> str:
    """With its registry, which containerd does not guess."""
    registry, slash, _ = image.partition("/")
    if slash and ("." in registry or ":" in registry or registry == "localhost"):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


def _baked(state: ClusterState, design: Design) -> Baked:
    """What the cluster file says of the image."""
    software = design.cluster.kubernetes.software
    if software.source != "baked":
        raise _refused(
            state,
            f"machines get their software by themselves (source: {software.source})",
            "write `source: baked`, or launch them from a stock image",
            f"{_AT}.source",
        )
    if software.baked is None:
        sums = ", ".join(f"{name}: …" for name in BakedChecksums.model_fields)
        raise _refused(
            state,
            "an image takes no file whose SHA-256 nobody wrote down",
            f"add `baked: {{sha256: {{{sums}}}}}`; docs/image.md says where each is published",
            _AT,
        )
    return software.baked


def _refused(state: ClusterState, rule: str, cure: str, path: str = "") -> SpecError:
    return SpecError([Problem(rule, cure, path=path, file=str(state.spec))])
