"""What the lab makes and keeps between runs: outside the checkout, named by what went into it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def folder(kind: str) -> Path:
    """The folder in the user's cache for one kind of artifact."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "nodeseed" / kind


def fingerprint(*parts: str) -> str:
    """Condense all that decides an artifact's bytes into 16 hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def tree_fingerprint(root: Path) -> str:
    """Condense the names, modes and content of a folder's files."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return fingerprint(
        *(
            f"{path.relative_to(root)} {path.stat().st_mode & 0o111:o} {path.read_text()}"
            for path in files
        )
    )


def complete(home: Path, make: Callable[[Path], None]) -> Path:
    """Give a folder, making it first if it is missing.

    It is made beside `home` and renamed, so that `home` is complete or absent whatever interrupts;
    who comes while another process makes it waits for that.

    Args:
        home: the folder.
        make: fills the empty folder that it is given.
    """
    if home.exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if home.exists():  # another process made it while we waited
            return home
        partial = home.with_name(f"{home.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was interrupted
        partial.mkdir()
        make(partial)
        partial.rename(home)
    return home
