"""The root file system that container nodes begin with: plain Debian, made by mmdebstrap."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from nodeseed.outputs.packer import root
from nodeseed_lab import cache
from nodeseed_lab.engine import Say
from nodeseed_lab.errors import LabError

REPOSITORY = "nodeseed-lab/base"
SUITE = "trixie"
PACKAGES = root() / "packages.txt"

_OPTIONS = (
    "--variant=minbase",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*',
)


def packages() -> list[str]:
    """The Debian packages of a node, as every builder installs them."""
    return PACKAGES.read_text().split()


def base_tag(suite: str = SUITE) -> str:
    """The Docker tag of a base image, from everything that we decide about it."""
    return f"{REPOSITORY}:{fingerprint(*packages(), suite=suite)}"


def fingerprint(*parts: str, suite: str = SUITE) -> str:
    """Condense what decides a root file system: the release, how it is made, and `parts`."""
    return cache.fingerprint(suite, *parts, *_OPTIONS)


def base_image(client: docker.DockerClient, say: Say, suite: str = SUITE) -> str:
    """Give the tag of a base image, making it first if Docker does not have it.

    Raises:
        LabError: mmdebstrap is missing, or failed.
    """
    tag = base_tag(suite)
    try:
        client.images.get(tag)
    except ImageNotFound:
        say(f"Debian {suite}: {len(packages())} packages, by mmdebstrap (about a minute)")
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "root.tar"
            debootstrap(str(archive), packages(), suite=suite)
            client.api.import_image_from_file(
                str(archive), repository=REPOSITORY, tag=tag.rpartition(":")[2]
            )
    return tag


def debootstrap(target: str, include: list[str], *options: str, suite: str = SUITE) -> None:
    """Make a root file system of Debian packages.

    Args:
        target: mmdebstrap's: an archive, a folder, or `/dev/null` where hooks keep the result.
        include: the packages, beside the essential ones.
        options: further options of mmdebstrap, such as hooks.
        suite: the release of Debian.

    Raises:
        LabError: mmdebstrap is missing, or failed.
    """
    if shutil.which("mmdebstrap") is None:
        raise LabError("mmdebstrap is missing: apt-get install mmdebstrap")
    done = subprocess.run(
        [
            "mmdebstrap",
            *_OPTIONS,
            *options,
            f"--include={','.join(include)}",
            suite,
            target,
            *mirror(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"mmdebstrap failed:\n{done.stderr.strip()[-2000:]}")


def mirror() -> list[str]:
    """The mirror of Debian that this machine's own apt uses, if it uses one."""
    if shutil.which("apt-get") is None:
        return []
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [
        line.split(maxsplit=1)[1] for line in listed.stdout.splitlines() if line[:7] == "Debian "
    ]
    return found[:1]
