"""NoCloud volumes of what was rendered: one for each machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nodeseed.errors import OutputError, Problem, SpecError
from nodeseed.nodes.machine import Machine
from nodeseed.outputs.cluster_files import instance_id
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.outputs.files import write_private
from nodeseed.outputs.folder import image_name
from nodeseed.outputs.volume import volume
from nodeseed.pipeline import prepare
from nodeseed.pki.lock import Lock

SEED_FILES = ("user-data", "meta-data", "network-config")


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
    written = []
    for name, seed in seeds.items():
        path = folder / image_name(name)
        write_private(path, volume(seed))
        written.append(path)
    return written


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
