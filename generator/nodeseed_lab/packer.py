"""Packer, and our folder of templates for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from packerpy import PackerExecutable

from nodeseed_lab.errors import LabError

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """The packer folder: inside an installed package, or beside a checkout's generator/."""
    installed = _PACKAGE / "packer"
    return installed if installed.is_dir() else _PACKAGE.parent.parent / "packer"


def packer(command: str, *, log: Path, **options: object) -> None:
    """Run a Packer command on the folder.

    Args:
        command: `build` or `validate`.
        log: the file that gets all that it says.
        options: its options, with `_` for `-`; a dictionary repeats the option for each item.

    Raises:
        LabError: Packer is missing, or the command failed; the message ends as the log does.
    """
    path = shutil.which("packer")
    if path is None:
        raise LabError("Packer is missing: apt-get install packer, or https://www.packer.io")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        executable = PackerExecutable(
            path, machine_readable=False, config={"stdout": stream, "stderr": subprocess.STDOUT}
        )
        code, _, _ = executable.execute_cmd(command, str(root()), **options)
    if code:
        end = log.read_text()[-2000:]
        raise LabError(f"`packer {command}` failed; its log ({log}) ends:\n{end}")
