"""StorageClasses work where the cluster is, and volumes lie where machines have room for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.storage import PLACES
from nodeseed.nodes.storage_classes import TYPES, class_name, volume_name
from nodeseed.spec.source import Path
from nodeseed.spec.storage import StorageClass

_QUANTITY = re.compile(r"[1-9][0-9]*(\.[0-9]+)?([KMGTPE]i|[kMGTPE])?")


def storage_classes(whole: Whole) -> Iterator[Problem]:
    """All of ``storage.classes``."""
    defaults: list[str] = []
    names: set[str] = set()
    volumes: dict[str, Path] = {}
    for index, row in enumerate(whole.cluster.storage.classes):
        at: Path = ("storage", "classes", index)
        yield from _kind(whole, at, row)
        name = class_name(row)
        if name and name in names:
            yield whole.problem(at, f"class {name} is there twice", "write another `name`")
        names.add(name)
        if row.default:
            defaults.append(name)
            if len(defaults) > 1:
                yield whole.problem(
                    (*at, "default"), f"{' and '.join(defaults)} are both the default",
                    "keep `default: true` at one of them",
                )  # fmt: skip
        for number, volume in enumerate(row.volumes):
            other = volumes.setdefault(volume_name(row, volume), (*at, "volumes", number))
            if other != (*at, "volumes", number):
                yield whole.problem(
                    (*at, "volumes", number),
                    f"{volume_name(row, volume)} is there twice (also line "
                    f"{whole.source.line(other)})", "take one out",
                )  # fmt: skip
    yield from _places(whole)


def _kind(whole: Whole, at: Path, row: StorageClass) -> Iterator[Problem]:
    if (row.type is None) == (row.provisioner is None):
        yield whole.problem(
            at, "a class has a type or a provisioner, one of them",
            f"write `type:` ({', '.join(TYPES)}) or the name of a `provisioner:`",
        )  # fmt: skip
    if row.type is None:
        if row.name is None:
            yield whole.problem(at, "a class of a provisioner's needs a name", "write `name:`")
    else:
        kind = TYPES[row.type]
        if kind.platform not in (None, whole.cluster.platform.name):
            yield whole.problem(
                (*at, "type"),
                f"{kind.provisioner} makes volumes on {kind.platform} alone, not on "
                f"{whole.cluster.platform.name}",
                "write another type, or another platform.name",
            )
        missing = [name for name in kind.required if name not in row.parameters]
        if missing:
            yield whole.problem(
                at, f"{kind.provisioner} needs to know {' and '.join(missing)}",
                f"write parameters: {{{', '.join(f'{name}: …' for name in missing)}}}",
            )  # fmt: skip
    if row.volumes and row.type != "local":
        yield whole.problem(
            (*at, "volumes"), "only a class of type local has volumes that are listed",
            "write `type: local`, or take them out",
        )  # fmt: skip


def _places(whole: Whole) -> Iterator[Problem]:
    """Local volumes lie on machines with a kubelet, and not in each other or in ours."""
    kubelets = {machine.name for machine in whole.machines if machine.is_node}
    ours = [place for places in PLACES.values() for place in places]
    taken: dict[str, list[str]] = {}
    for index, row in enumerate(whole.cluster.storage.classes):
        for number, volume in enumerate(row.volumes):
            at: Path = ("storage", "classes", index, "volumes", number)
            if volume.node not in kubelets:
                yield whole.problem(
                    (*at, "node"), f"there is no Kubernetes node {volume.node}",
                    "write the name of a control plane or worker",
                )  # fmt: skip
            if not _QUANTITY.fullmatch(volume.size):
                yield whole.problem(
                    (*at, "size"), f"{volume.size!r} is no quantity", "write it such as 10Gi"
                )
            there = taken.setdefault(volume.node, [])
            for other in (*ours, *there):
                if f"{volume.path}/".startswith(f"{other}/") or other.startswith(f"{volume.path}/"):
                    yield whole.problem(
                        (*at, "path"), f"{volume.path} and {other} lie in each other",
                        "choose a folder of its own, such as /srv/data",
                    )  # fmt: skip
            there.append(volume.path)
