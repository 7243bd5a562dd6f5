"""A machine in a folder, and its disks: loop devices, with real signatures and file systems."""

import contextlib
import ctypes
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from nodeseed_node import disks
from nodeseed_node.machine import STATUS, Machine
from nodeseed_node.storage import storage
from nodeseed_node.storage_containers import storage_containers

MIB = 2**20
CLONE_NEWNS = 0x20000
ETCD = {"name": "etcd", "at": ["var/lib/etcd"], "disk": {"path": "dev/disk/by-id/etcd"}}
CONTAINERS = {
    "name": "containers",
    "at": ["var/lib/containerd", "var/lib/kubelet"],
    "disk": {"path": "dev/disk/by-id/containers"},
}


class PowerCut(Exception):
    """The machine is off."""


class Waits(Exception):
    """The step waits; what it says is in the status."""


class Host(Machine):
    """A machine in a folder: its commands are real, but those that speak to systemd."""

    def __init__(self, root: Path, cut: int = 0) -> None:
        super().__init__(str(root), "storage")
        self.cut = cut
        self.commands: list[tuple[str, ...]] = []
        self.half_made = b""

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        self.commands.append(command)
        if len(self.commands) == self.cut:
            raise PowerCut
        if command[0] == "systemctl":
            return 0, ""
        if self.half_made and command[0] == "mkfs.ext4":
            disks.put(command[-1], 4096, self.half_made)
            raise PowerCut
        return super().run(*command, stdin=stdin)

    def sleep(self, seconds: float) -> None:
        raise Waits

    @property
    def said(self) -> str:
        return str(self.load(STATUS).get("storage", ""))


def step(host: Host) -> int:
    """The step of such a machine, as its units call it."""
    names = [volume["name"] for volume in host.config["storage"]]
    return storage_containers(host) if "containers" in names else storage(host)


class Bench:
    """The folder that is the machine's root disk, and the disks that are plugged into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.loops: dict[str, str] = {}
        self.new_root()

    def new_root(self) -> None:
        """An empty root disk, as a replacement has."""
        self.root = self.folder / f"root-{len(list(self.folder.iterdir()))}"
        (self.root / "dev/disk/by-id").mkdir(parents=True)
        (self.root / "sys/block").mkdir(parents=True)
        (self.root / "run/nodeseed").mkdir(parents=True)  # the installer has spoken
        for name, device in self.loops.items():
            (self.root / "dev/disk/by-id" / name).symlink_to(device)

    def configure(self, *volumes: Any, node: str = "cp-1") -> None:
        path = self.root / "etc/nodeseed/config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"clusterID": "c0ffee", "node": node, "storage": volumes}))

    def plug(self, name: str, size: int = 64 * MIB) -> str:
        """Attach a disk, a new one if there is none of that name."""
        image = self.folder / f"{name}.img"
        if not image.exists():
            with image.open("wb") as file:
                file.truncate(size)
        device = command("losetup", "--find", "--show", str(image)).strip()
        self.loops[name] = device
        (self.root / "dev/disk/by-id" / name).symlink_to(device)
        return device

    def whole(self, name: str, disk: str) -> None:
        """Let a disk be seen by its size, as /dev/NAME."""
        device = self.loops[disk]
        node = self.root / "dev" / name
        os.mknod(node, 0o600 | 0o060000, Path(device).stat().st_rdev)
        (self.root / "sys/block" / name / "device").mkdir(parents=True)
        sectors = (self.folder / f"{disk}.img").stat().st_size // 512
        (self.root / "sys/block" / name / "size").write_text(f"{sectors}\n")

    def unplug(self, name: str) -> None:
        command("losetup", "--detach", self.loops.pop(name))
        (self.root / "dev/disk/by-id" / name).unlink()

    def off(self) -> None:
        """Switch the machine off: what it had mounted is not any more."""
        mounts = Path("/proc/mounts").read_text().splitlines()
        for line in reversed(mounts):
            place = line.split()[1]
            if place.startswith(str(self.folder)):
                command("umount", place)

    def boot(self, cut: int = 0, half_made: bytes = b"") -> Host:
        """Switch it off and on, and run the step until it is done or waits."""
        self.off()
        host = Host(self.root, cut)
        host.half_made = half_made
        with contextlib.suppress(Waits):
            assert step(host) == 0
        return host

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name: str) -> str:
        path = self.root / name
        return path.read_text() if path.exists() else ""

    def mounted(self, place: str) -> bool:
        return (self.root / place).is_mount()


def command(*words: str) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def digest(device: str) -> str:
    return command("sha256sum", device).split()[0]


def formatted(host: Host) -> bool:
    return any(command[0] == "mkfs.ext4" for command in host.commands)


def own_mounts() -> None:
    """Take a mount namespace of our own, or whoever makes one meanwhile keeps the disks mounted."""
    assert os.geteuid() == 0, "loop devices and mounts are root's: run this as root"
    assert ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0
    command("mount", "--make-rprivate", "/")
