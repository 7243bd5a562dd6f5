"""The output folder: staged as a whole, then moved into place; only ever ours.

A marker file says whose folder it is. Nothing is touched in a folder without one, and a file that
did not change keeps its very inode.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from nodeseed.errors import OutputError
from nodeseed.outputs.files import PRIVATE, create

MARKER = ".nodeseed"
# What nodeseed ever writes; only files of these names are ever removed.
NODE_FILES = (
    "user-data",
    "user-data.b64",
    "user-data.yaml",
    "meta-data",
    "network-config",
    "payload",
    "iam-policy.json",
)
CLUSTER_FILES = (
    MARKER,
    "admin.conf",
    "known_tokens.csv",
    "terraform.tfvars.json",
    "publish.json",
    "publish-iam-policy.json",
    "pools.yaml",
    "cluster-autoscaler-values.yaml",
    "cluster-autoscaler-iam-policy.json",
)
SHARED_IMAGE = "all_machines.iso"  # no node can have this name


def image_name(node: str) -> str:
    """The NoCloud image of a node, in the output folder."""
    return f"{node}.iso"


class Folder:
    """A transaction on an output folder; leaving it without :meth:`commit` changes nothing.

    Args:
        path: the folder; it may not exist yet.
        cluster: whose it is.

    Raises:
        OutputError: the folder holds something that is not this cluster's output.
    """

    def __init__(self, path: Path, cluster: str) -> None:
        self._path = path
        self._kept = 0
        self._new: list[str] = []
        self._wanted: set[str] = set()
        self._folders: set[str] = set()
        self._refuse_foreign(cluster)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from None
        self.put(MARKER, f"{cluster}\n".encode())

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)

    def _refuse_foreign(self, cluster: str) -> None:
        try:
            if not self._path.exists() or not any(self._path.iterdir()):
                return
            owner = (self._path / MARKER).read_text(encoding="utf-8").strip()
        except NotADirectoryError:
            raise OutputError(f"{self._path}: is no folder; choose another with --out") from None
        except FileNotFoundError:
            raise OutputError(
                f"{self._path}: holds files that are not nodeseed's; choose another folder with "
                "--out, or empty it"
            ) from None
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from None
        if owner != cluster:
            raise OutputError(
                f"{self._path}: holds the output of cluster {owner}; choose another folder with "
                "--out"
            )

    def put(self, name: str, content: bytes) -> bool:
        """Stage a file; says whether it differs from what is there. Mode is always 0600."""
        self._wanted.add(name)
        folder, _, _ = name.rpartition("/")
        try:
            with open(self._path / name, "rb") as existing:  # noqa: PTH123 - the hot path
                if existing.read() == content:
                    self._kept += 1
                    return False
        except FileNotFoundError:
            pass
        except OSError as error:
            raise OutputError(f"{self._path / name}: {error.strerror}") from None
        if folder:
            self._folders.add(folder)
        try:
            create(self._staging / str(len(self._new)), content, PRIVATE)
        except OSError as error:
            raise OutputError(f"{self._staging}: cannot be written: {error.strerror}") from None
        self._new.append(name)
        return True

    def commit(self) -> tuple[int, int]:
        """Move everything into place and remove what is no longer wanted.

        Returns:
            How many files are new or changed, and how many were removed.
        """
        try:
            self._path.mkdir(mode=0o700, exist_ok=True)
            for folder in sorted(self._folders):
                (self._path / folder).mkdir(mode=0o700, exist_ok=True)
            for number, name in enumerate(self._new):
                os.replace(f"{self._staging}/{number}", f"{self._path}/{name}")  # noqa: PTH105
            return len(self._new), self._remove_unwanted()
        except OSError as error:
            raise OutputError(
                f"{error.filename or self._path}: {error.strerror}; run the same command again: "
                "seed and lock are safe, and it completes the folder"
            ) from None

    def _remove_unwanted(self) -> int:
        """Remove what is no longer wanted, and images of what is no longer here."""
        removed = 0
        changed = set(self._folders)
        for entry in sorted(self._path.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                for name in NODE_FILES:
                    if f"{entry.name}/{name}" not in self._wanted:
                        with contextlib.suppress(FileNotFoundError):
                            (entry / name).unlink()
                            changed.add(entry.name)
                            removed += 1
                with contextlib.suppress(OSError):  # not empty: somebody's own files
                    entry.rmdir()
            elif entry.name in CLUSTER_FILES and entry.name not in self._wanted:
                entry.unlink()
                removed += 1
        images = [image_name(name) for name in sorted(changed)]
        for image in [*images, SHARED_IMAGE] if images else []:
            with contextlib.suppress(FileNotFoundError):
                (self._path / image).unlink()
                removed += 1
        return removed
