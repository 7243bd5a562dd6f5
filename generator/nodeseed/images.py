"""NoCloud volumes of what was rendered: one for each machine, or one for many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from nodeseed.errors import OutputError, Problem, SpecError
from nodeseed.nodes.machine import Machine
from nodeseed.outputs.cluster_files import instance_id
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.outputs.files import write_private
from nodeseed.outputs.folder import SHARED_IMAGE, image_name
from nodeseed.outputs.volume import volume
from nodeseed.pipeline import prepare
from nodeseed.pki.lock import Lock
from nodeseed.render.encode import yaml_text
from nodeseed.render.templates import root

SEED_FILES = ("user-data", "meta-data", "network-config")
CHOOSE = root() / "volume" / "choose.py"


def write_images(state: ClusterState, folder: Path, nodes: Sequence[str]) -> list[Path]:
    """Write ``NODE.iso`` into the output folder, for the named nodes or for all of them.

    Args:
        state: the cluster.
        folder: what ``nodeseed render`` wrote; the images hold these very files.
        nodes: names; none: every node.

    Returns:
        The images, all of mode 0600: they hold the machines' keys.

    Raises:
        SpecError: the platform takes no volumes, or there is no such node.
        OutputError: the folder is not what the last render wrote.
    """
    machines, lock = _machines(state, nodes), state.required_lock()
    seeds = {machine.name: _seed(folder, machine.name, lock) for machine in machines}
    return [_written(folder / image_name(name), seed) for name, seed in seeds.items()]


def write_shared_image(state: ClusterState, folder: Path, nodes: Sequence[str]) -> Path:
    """Write one image for the named nodes, or for all of them: each machine finds its own part.

    The machine's part is found by :mod:`cloud-init/volume/choose.py`, which is the user-data of the
    volume. The image holds the keys of every machine, and what it says of the machines.

    Raises:
        SpecError: as :func:`write_images`, or a node has no ``match``.
        OutputError: the folder is not what the last render wrote.
    """
    machines, lock = _machines(state, nodes), state.required_lock()
    unknown = [machine.name for machine in machines if machine.match is None]
    if unknown:
        raise SpecError(
            [
                Problem(
                    f"no machine can be told to be {unknown[0]}",
                    "write match: {mac: …}, serial or uuid, for every node",
                    path="nodes",
                    file=str(state.spec),
                )
            ]
        )
    marks = {machine.name: machine.match.marks() for machine in machines if machine.match}
    meta = {"instance-id": f"{lock.clusterID}-choose", "dsmode": "local"}
    files = {
        "user-data": b"#cloud-boothook\n" + CHOOSE.read_bytes(),
        "meta-data": yaml_text(meta).encode(),
        "machines.json": (json.dumps(marks, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    for name in marks:
        for kind, content in _seed(folder, name, lock).items():
            files[f"nodes/{name}/{kind}"] = content
    return _written(folder / SHARED_IMAGE, files)


def _written(path: Path, files: dict[str, bytes]) -> Path:
    write_private(path, volume(files))
    return path


def _machines(state: ClusterState, nodes: Sequence[str]) -> list[Machine]:
    design = prepare(state)
    if not design.platform.nocloud:
        raise SpecError(
            [
                Problem(
                    f"{design.platform.title} takes user-data by itself, not from a volume",
                    f"see docs/platforms.md for where to put it: {design.platform.paste}",
                    path="platform.name",
                    file=str(state.spec),
                )
            ]
        )
    known = {machine.name: machine for machine in design.machines}
    unknown = [name for name in nodes if name not in known]
    if unknown:
        raise SpecError(
            [
                Problem(f"there is no node {name}", "name one of the file", file=str(state.spec))
                for name in unknown
            ]
        )
    return [known[name] for name in dict.fromkeys(nodes)] or list(design.machines)


def _seed(folder: Path, node: str, lock: Lock) -> dict[str, bytes]:
    """A node's files in the output folder, if they are of the last render."""
    try:
        seed = {
            name: (folder / node / name).read_bytes()
            for name in SEED_FILES
            if name != "network-config" or (folder / node / name).exists()
        }
    except FileNotFoundError as error:
        raise OutputError(f"{error.filename}: is not there; run: nodeseed render") from None
    except OSError as error:
        raise OutputError(f"{error.filename}: cannot be read: {error.strerror}") from None
    record = lock.nodes.get(node)
    wanted = record and f"instance-id: {instance_id(lock.clusterID, node, record)}\n"
    if not wanted or wanted.encode() not in seed["meta-data"]:
        raise OutputError(
            f"{folder / node}: is not of the last render that {lock.cluster}'s lock speaks of; "
            "run: nodeseed render"
        )
    return seed
