"""Releases of cloud-init: the one that is installed, and those of Debian, unpacked beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from nodeseed_lab import cache
from nodeseed_lab.rootfs import mirror

# The distribution's own interpreter, with what cloud-init imports.
PYTHON = "/usr/bin/python3"
MISSING = "cloud-init is missing: run tests/integration/install.sh, or install cloud-init."
INSTALLED = "installed"
RELEASES = (INSTALLED, "trixie", "forky")  # Debian stable and testing


def root(release: str) -> Path:
    """The folder under which the release's files lie as its package has them."""
    if release == INSTALLED:
        assert shutil.which("cloud-init"), MISSING
        return Path("/")
    home = cache.folder("cloud-init") / release
    return cache.complete(home, lambda folder: _fetch(folder, release))


def environment(release: str) -> dict[str, str]:
    """The environment in which :data:`PYTHON` imports that release."""
    packages = root(release) / "usr/lib/python3/dist-packages"
    # What is beside cloud-init may speak of its own age; warnings are no failures of ours.
    return {**os.environ, "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}


def has_source(release: str, name: str) -> bool:
    """Whether the release knows a platform."""
    packages = root(release) / "usr/lib/python3/dist-packages"
    return (packages / "cloudinit/sources" / f"DataSource{name}.py").exists()


def _fetch(folder: Path, suite: str) -> None:
    """Unpack the suite's cloud-init, got by apt with lists of its own."""
    found = mirror()
    assert found, "Other releases of cloud-init come from the mirror of Debian that apt uses here."
    work = folder / "apt"
    for part in ("lists/partial", "cache/archives/partial", "deb"):
        (work / part).mkdir(parents=True)
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (work / "sources.list").write_text(f"deb [signed-by={keys}] {found[0]} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": work / "lists",
        "Dir::Cache": work / "cache",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    options = [f"-o{name}={value}" for name, value in settings.items()]
    for command in (["update"], ["download", "cloud-init"]):
        subprocess.run(["apt-get", "-qq", *options, *command], cwd=work / "deb", check=True)
    (archive,) = (work / "deb").iterdir()
    subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    shutil.rmtree(work)
