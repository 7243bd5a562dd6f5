"""Writes single files so that a reader sees the old content or the new, never a half of it."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from nodeseed.errors import OutputError, SeedError

PRIVATE = 0o600


def write_private(path: Path, content: bytes) -> None:
    """Write ``path`` with mode 0600, by way of a temporary file beside it.

    Raises:
        OutputError: the file system said no.
    """
    _write(path, content, PRIVATE)


def write_public(path: Path, content: bytes) -> None:
    """The same with mode 0644, for what belongs in git."""
    _write(path, content, 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        create(temporary, content, mode, durable=True)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def create(path: Path, content: bytes, mode: int, *, durable: bool = False) -> None:
    """A new file that never had another mode; ``durable``: wait until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(content)
        if durable:
            file.flush()
            os.fsync(descriptor)


def read_secret(path: Path) -> bytes:
    """The content of a seed file.

    Raises:
        SeedError: it cannot be read, or others can read it too.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise SeedError(f"{path}: the seed cannot be read: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise SeedError(
            f"{path}: the seed is readable by others (mode {stat.S_IMODE(mode):04o}); "
            f"run: chmod 600 {path}"
        )
    return content
