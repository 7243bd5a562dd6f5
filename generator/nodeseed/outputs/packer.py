"""Packer, and our folder of templates for it: the effects of baking an image."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import IO, Final

from packerpy import PackerExecutable

from nodeseed.errors import ImageError

_PACKAGE = Path(__file__).resolve().parent.parent

CREDENTIALS: Final = {
    "amazon-ebs": "credentials come from AWS_PROFILE, from AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or from an instance role",
    "azure-arm": "credentials come from `az login`",
    "docker": "Docker must run, and its socket be yours to use",
    "googlecompute": "credentials come from `gcloud auth application-default login`, or from the "
    "file that GOOGLE_APPLICATION_CREDENTIALS names",
    "hcloud": "the API token comes from HCLOUD_TOKEN",
    "openstack": "credentials come from OS_CLOUD and clouds.yaml, or from the variables of an "
    "openrc file (OS_AUTH_URL …)",
    "qemu": "QEMU must be there; without /dev/kvm: --var qemu_accelerator=tcg",
}
"""What each builder needs beside its variables: one for each file BUILDER.pkr.hcl."""


def root() -> Path:
    """The packer folder: inside an installed package, or beside a checkout's generator/."""
    installed = _PACKAGE / "packer"
    return installed if installed.is_dir() else _PACKAGE.parent.parent / "packer"


def packer(command: str, *, builder: str, log: Path | None = None, **options: object) -> None:
    """Run a Packer command on the folder.

    Args:
        command: `build` or `validate`.
        builder: what is to be made: a key of :data:`CREDENTIALS`.
        log: the file that gets all that it says; None: the terminal.
        options: its further options, with `_` for `-`; a dictionary repeats the option for each
            item.

    Raises:
        ImageError: Packer is missing, or the command failed; the message ends as the log does.
    """
    path = shutil.which("packer")
    if path is None:
        raise ImageError("Packer is missing: apt-get install packer, or https://www.packer.io")
    options["only"] = f"{builder}.node"
    if log is None:
        code = _run(path, command, None, options)
    else:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as stream:
            code = _run(path, command, stream, options)
    if code:
        said = "" if log is None else f"; its log ({log}) ends:\n{log.read_text()[-2000:].rstrip()}"
        raise ImageError(
            f"`packer {command}` failed{said}\nIf it was not let in: {CREDENTIALS[builder]}."
        )


def _run(path: str, command: str, output: IO[str] | None, options: dict[str, object]) -> int:
    errors = None if output is None else subprocess.STDOUT
    executable = PackerExecutable(
        path, machine_readable=False, config={"stdout": output, "stderr": errors}
    )
    code, _, _ = executable.execute_cmd(command, str(root()), **options)
    return int(code)
