"""What a QEMU machine boots: Debian's cloud kernel and a root file system, made by mmdebstrap.

The packages are those of every node image, and what the proofs in QEMU need beside them. There is
no boot loader: QEMU is given the kernel and its initial RAM disk as files.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from nodeseed_lab import cache, rootfs
from nodeseed_lab.engine import Say
from nodeseed_lab.qemu.architecture import here

SIZE = "4G"  # of the root file system; its file is sparse

_PARTS = Path(__file__).parent / "rootfs"


@dataclass(frozen=True)
class QemuImage:
    """The folder with the three files that machines boot; none of them is written to."""

    home: Path

    @property
    def kernel(self) -> Path:
        """Debian's kernel."""
        return self.home / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The initial RAM disk, which finds the root file system."""
        return self.home / "initrd.img"

    @property
    def root(self) -> Path:
        """The root file system: an ext4, raw."""
        return self.home / "root.img"


def packages() -> list[str]:
    """The Debian packages of a QEMU machine."""
    own = (_PARTS / "packages.txt").read_text().split()
    return [*rootfs.packages(), f"linux-image-cloud-{here().debian}", *own]


def qemu_image(say: Say) -> QemuImage:
    """Give the image, making it first if it is missing.

    Args:
        say: is told what is done.

    Raises:
        LabError: mmdebstrap is missing, or failed.
    """
    key = rootfs.fingerprint(*packages(), SIZE, cache.tree_fingerprint(_PARTS))
    return QemuImage(cache.complete(cache.folder("qemu") / key, lambda home: _make(home, say)))


def _make(home: Path, say: Say) -> None:
    include = packages()
    parts = shlex.quote(str(_PARTS))
    say(f"Debian {rootfs.SUITE} with a kernel: {len(include)} packages, by mmdebstrap")
    rootfs.debootstrap(
        "/dev/null",
        include,
        "--format=null",
        # there before the packages, whose installation it makes shorter
        f'--setup-hook=cp -r {parts}/files/. "$1"',
        f'--customize-hook={parts}/keep.sh "$1" {shlex.quote(str(home))} {SIZE}',
    )
