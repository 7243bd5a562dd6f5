"""What differs between the processors that QEMU can be, and that it emulates on: its own kind."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from nodeseed_lab.errors import LabError


@dataclass(frozen=True)
class Architecture:
    """One kind of machine."""

    debian: str
    """Debian's name for it, of which its kernel's package is named."""
    program: str
    """QEMU for it."""
    board: str
    cpu: str
    """One with few features: none is free that is emulated, and the kernel uses what it finds."""
    console: str
    """The first serial port, as the kernel calls it."""


ARCHITECTURES = {
    "x86_64": Architecture(
        "amd64", "qemu-system-x86_64", "q35,sata=off,smbus=off", "qemu64,+rdrand,-svm", "ttyS0"
    ),
    "aarch64": Architecture("arm64", "qemu-system-aarch64", "virt", "max", "ttyAMA0"),
}


def here() -> Architecture:
    """The one of the computer that this runs on.

    Raises:
        LabError: it is none of those.
    """
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise LabError(
            f"QEMU machines are made for {' and '.join(ARCHITECTURES)}, not for {machine}"
        )
    return ARCHITECTURES[machine]
