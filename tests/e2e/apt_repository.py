"""A signed apt repository as pkgs.k8s.io has them, made from the programs that the lab has."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

UNSIGNED = "Packages"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A Debian package: programs and links under /usr/bin, other files, what runs afterwards."""

    name: str
    version: str
    depends: str = ""
    programs: Mapping[str, Path] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    configuration: tuple[str, ...] = ()
    postinst: str = ""


def build(folder: Path, packages: list[Package]) -> str:
    """Make the repository; give the key that signs it, in ASCII armour.

    Args:
        folder: a new folder; it becomes what apt calls a flat repository.
        packages: what it offers, for every architecture.
    """
    folder.mkdir(parents=True)
    index = "\n".join(_entry(folder, package) for package in packages)
    (folder / UNSIGNED).write_text(index)
    digest = hashlib.sha256(index.encode()).hexdigest()
    release = f"Date: Wed, 25 Nov 2026 00:00:00 UTC\nSHA256:\n {digest} {len(index)} {UNSIGNED}\n"
    home = folder.parent / "gnupg"
    home.mkdir(mode=0o700)
    _gpg(home, "--passphrase=", "--quick-gen-key", "Nobody <nobody@example.com>", "ed25519", "sign")
    _gpg(home, "--clearsign", f"--output={folder / 'InRelease'}", stdin=release)
    key = _gpg(home, "--armor", "--export")
    subprocess.run(["gpgconf", f"--homedir={home}", "--kill", "all"], check=True)
    return key


def _gpg(home: Path, *arguments: str, stdin: str = "") -> str:
    command = ["gpg", f"--homedir={home}", "--batch", "--quiet", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


def _entry(folder: Path, package: Package) -> str:
    tree = folder.parent / package.name
    control = (
        f"Package: {package.name}\nVersion: {package.version}\nArchitecture: all\n"
        f"Maintainer: Nobody <nobody@example.com>\nDescription: {package.name}\n"
    )
    if package.depends:
        control += f"Depends: {package.depends}\n"
    # dpkg takes a package without files for one that others have replaced
    texts = {**package.files, f"usr/share/{package.name}/README": "", "DEBIAN/control": control}
    if package.postinst:
        texts["DEBIAN/postinst"] = f"#!/bin/sh\nset -e\n{package.postinst}"
    if package.configuration:
        texts["DEBIAN/conffiles"] = "".join(f"/{name}\n" for name in package.configuration)
    for name, text in texts.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name.endswith("postinst") else 0o644)
    programs = tree / "usr/bin"
    programs.mkdir(parents=True, exist_ok=True)
    for name, source in package.programs.items():
        shutil.copy(source.resolve(), programs / name)
    for name, target in package.links.items():
        (programs / name).symlink_to(target)
    file = folder / f"{package.name}_{package.version}_all.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, file],
        capture_output=True,
        check=True,
    )
    shutil.rmtree(tree)
    with file.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return f"{control}Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"
