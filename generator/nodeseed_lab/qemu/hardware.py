"""What is plugged into a QEMU machine, as QEMU is told of it: in JSON, at its start or later."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from nodeseed_lab.errors import LabError

MISSING = "{} is missing: run generator/nodeseed_lab/qemu/install.sh, or install QEMU"


@dataclass(frozen=True)
class Part:
    """A disk or a network card: what it is to QEMU, and what the machine sees of it."""

    kind: str
    """What QEMU calls the first: `blockdev` or `netdev`."""
    backend: dict[str, Any]
    device: dict[str, Any]


@dataclass(frozen=True)
class Disk:
    """A disk, in the machine at /dev/disk/by-id/virtio-SERIAL.

    It is a file, and outlives the machine: another machine can be given the same one.
    """

    serial: str
    """At most 20 characters; no two disks of a machine have the same."""
    path: Path
    format: str = "qcow2"
    """What the file is: `qcow2`, or `raw` as an ISO image is."""
    read_only: bool = False

    @classmethod
    def blank(cls, folder: Path, serial: str, size: str) -> Disk:
        """Make an empty disk.

        Args:
            folder: where its file is to be.
            serial: its serial number.
            size: such as `64M`; the file takes only what is written.
        """
        disk = cls(serial, folder / f"{serial}.qcow2")
        qemu_img("create", "-q", "-f", "qcow2", str(disk.path), size)
        return disk

    @property
    def part(self) -> Part:
        """What QEMU is told."""
        return _disk(self.serial, {"driver": self.format, "file": _file(self.path)}, self.read_only)


def seed_volume(seed: Path) -> Part:
    """A volume CIDATA for cloud-init: an image of one, or made by QEMU of a folder's files."""
    if seed.is_dir():
        return _disk("seed", {"driver": "vvfat", "dir": str(seed), "label": "CIDATA"}, True)
    return _disk("seed", {"driver": "raw", "file": _file(seed)}, True)


def _file(path: Path) -> dict[str, Any]:
    # flushed to this computer's memory: that outlives the machine's power
    return {"driver": "file", "filename": str(path), "cache": {"no-flush": True}}


def _disk(serial: str, file: dict[str, Any], read_only: bool) -> Part:
    return Part(
        "blockdev",
        {**file, "node-name": serial, "read-only": read_only},
        {"driver": "virtio-blk-pci", "id": f"{serial}-disk", "drive": serial, "serial": serial},
    )


@dataclass(frozen=True)
class UserNetwork:
    """A network of the machine's own: its first address is QEMU's, which gives leases.

    Nothing beyond QEMU can be reached.
    """

    subnet: str
    """Such as `10.0.0.0/24`."""
    address: str
    """What DHCP gives to the machine."""

    @property
    def backend(self) -> dict[str, Any]:
        """What QEMU connects to."""
        router = str(ip_network(self.subnet)[1])
        return {
            "type": "user",
            "net": self.subnet,
            "host": router,
            "dhcpstart": self.address,
            "restrict": True,
        }


@dataclass(frozen=True)
class Cable:
    """A network without a router; every machine with the same number is at it."""

    number: int
    """A UDP port of this computer that nothing else uses."""

    @property
    def backend(self) -> dict[str, Any]:
        """What QEMU connects to."""
        return {"type": "socket", "mcast": f"230.0.0.1:{self.number}", "localaddr": "127.0.0.1"}


Network = UserNetwork | Cable


def network_card(network: Network, node: str, number: int) -> Part:
    """What QEMU is told of a network card.

    Args:
        network: what it is connected to.
        node: the machine's name, from which the card has its MAC address.
        number: which of the machine's cards.
    """
    return Part(
        "netdev",
        {**network.backend, "id": f"net-{number}"},
        {
            "driver": "virtio-net-pci",
            "id": f"card-{number}",
            "netdev": f"net-{number}",
            "mac": mac_address(node, number),
        },
    )


def mac_address(node: str, number: int) -> str:
    """The MAC address of one of a machine's network cards."""
    digest = hashlib.sha256(f"{node} {number}".encode()).hexdigest()
    return f"52:54:00:{digest[:2]}:{digest[2:4]}:{digest[4:6]}"


def overlay(path: Path, base: Path, form: str) -> Disk:
    """The disk with a machine's root file system: what it writes goes into a file of its own.

    Args:
        path: that file, made if it is missing.
        base: what it begins with, and is not written to.
        form: what `base` is, `raw` or `qcow2`.
    """
    if not path.exists():
        qemu_img("create", "-q", "-f", "qcow2", "-b", str(base), "-F", form, str(path))
    return Disk("root", path)


def qemu_img(*arguments: str) -> None:
    """Run qemu-img.

    Raises:
        LabError: it is missing, or failed.
    """
    try:
        done = subprocess.run(["qemu-img", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LabError(MISSING.format("qemu-img")) from None
    if done.returncode:
        raise LabError(f"qemu-img {arguments[0]}: {done.stderr.strip()}")
