"""Disks of a node, on loop devices: real signatures, file systems and mounts, and power cuts.

Every cut falls between two commands, or in the middle of mkfs; then the machine boots again.
"""

import contextlib
import ctypes
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    assert os.geteuid() == 0, "loop devices and mounts are root's: run this as root"
    # in a mount namespace of its own, or whoever makes one meanwhile keeps the disks mounted
    assert ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0
    command("mount", "--make-rprivate", "/")
    bench = Bench(tmp_path)
    yield bench
    bench.off()
    for name in list(bench.loops):
        bench.unplug(name)


def formatted(host: Host) -> bool:
    return any(command[0] == "mkfs.ext4" for command in host.commands)


def test_a_blank_disk_is_formatted_once(bench: Bench) -> None:
    bench.plug("etcd")
    bench.configure(ETCD)
    assert formatted(bench.boot())
    assert bench.mounted("var/lib/etcd")
    assert (bench.root / "var/lib/etcd").stat().st_mode & 0o777 == 0o700
    bench.write("var/lib/etcd/member/wal/1.wal", "kept")
    again = bench.boot()
    assert not formatted(again)
    assert bench.read("var/lib/etcd/member/wal/1.wal") == "kept"
    assert again.said == f"/var/lib/etcd is on {bench.loops['etcd']}"
    # without a boot between, as before every start of etcd
    assert step(Host(bench.root)) == 0
    assert Path("/proc/mounts").read_text().count(f" {bench.root}/") == 3


def test_it_returns_to_a_replacement_of_its_machine(bench: Bench) -> None:
    bench.plug("etcd")
    bench.configure(ETCD)
    bench.boot()
    bench.write("var/lib/etcd/member/wal/1.wal", "kept")
    bench.off()
    bench.new_root()
    bench.configure(ETCD)
    assert not formatted(bench.boot())
    assert bench.read("var/lib/etcd/member/wal/1.wal") == "kept"


def test_the_disk_of_another_node_is_left_alone(bench: Bench) -> None:
    device = bench.plug("etcd")
    bench.configure(ETCD, node="cp-2")
    bench.boot()
    bench.off()
    before = digest(device)
    bench.configure(ETCD)
    host = bench.boot()
    assert "not this node's data" in host.said
    assert not bench.mounted("var/lib/etcd")
    assert digest(device) == before


def gpt(device: str) -> None:
    subprocess.run(["sfdisk", "-q", device], input="label: gpt\n,\n", text=True, check=True)


FOREIGN: dict[str, Callable[[str], object]] = {
    "ext4": lambda device: command("mkfs.ext4", "-q", "-L", "nodeseed", device),
    "a partition table": gpt,
    "swap": lambda device: command("mkswap", "-q", device),
    "raw data at its start": lambda device: disks.put(device, 70_000, b"data"),
    "raw data at its end": lambda device: disks.put(device, -1, b"x"),
    "the first file system of which a part is wiped": lambda device: (
        command("mkfs.ext4", "-q", device),
        command("wipefs", "-qa", device),
    ),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_holds_anything_is_left_alone(bench: Bench, what: str) -> None:
    device = bench.plug("etcd")
    FOREIGN[what](device)
    before = digest(device)
    bench.configure(ETCD)
    host = bench.boot()
    assert "attach the right disk, or wipe it: " in host.said
    assert f"blkdiscard -zf {device}" in host.said
    assert digest(device) == before
    command("blkdiscard", "-zf", device)
    assert formatted(bench.boot())


def test_a_missing_disk_is_waited_for_by_name(bench: Bench) -> None:
    bench.configure(ETCD)
    host = bench.boot()
    assert host.said == "etcd: waiting for /dev/disk/by-id/etcd; there is no other disk"
    assert not bench.mounted("var/lib/etcd")
    bench.plug("etcd")
    assert formatted(bench.boot())


def test_a_cut_between_any_two_commands_is_completed(bench: Bench) -> None:
    """All commands of a first boot in turn; afterwards data is kept through another cut."""
    cut = 0
    while True:
        cut += 1
        bench.off()
        for name in list(bench.loops):
            bench.unplug(name)
            (bench.folder / f"{name}.img").unlink()
        bench.new_root()
        bench.configure(ETCD, CONTAINERS)
        bench.plug("etcd")
        bench.plug("containers")
        bench.write("var/lib/kubelet/config.yaml", "kubelet")
        bench.write("var/lib/containerd/io.containerd/blob", "image")
        bench.write("var/lib/nodeseed/installed.json", '{"files": ["var/lib/kubelet/config.yaml"]}')
        try:
            bench.boot(cut)
        except PowerCut:
            pass
        else:
            break
        host = bench.boot()
        assert bench.mounted("var/lib/etcd"), (cut, host.said)
        assert bench.read("var/lib/kubelet/config.yaml") == "kubelet", cut
        assert bench.read("var/lib/containerd/io.containerd/blob") == "image", cut
        bench.write("var/lib/etcd/member/wal/1.wal", "log")
        with contextlib.suppress(PowerCut):
            bench.boot(cut)
        assert not formatted(bench.boot()), cut
        assert bench.read("var/lib/etcd/member/wal/1.wal") == "log", cut
        bench.off()
        assert not (bench.root / "var/lib/etcd/member").exists(), cut
    assert cut > 20


def test_a_file_system_that_was_half_made_is_made_again(bench: Bench) -> None:
    bench.plug("etcd")
    bench.configure(ETCD)
    with pytest.raises(PowerCut):
        bench.boot(half_made=b"group descriptors")
    host = bench.boot()
    assert formatted(host)
    assert bench.mounted("var/lib/etcd")


def test_but_not_if_another_node_began_it(bench: Bench) -> None:
    bench.plug("etcd")
    bench.configure(ETCD, node="cp-2")
    with pytest.raises(PowerCut):
        bench.boot(half_made=b"group descriptors")
    bench.configure(ETCD)
    assert "holds unknown data, not this node's data" in bench.boot().said


def test_a_disk_is_found_by_its_size(bench: Bench) -> None:
    large = {**CONTAINERS, "disk": {"size": 96 * MIB}}
    small = {**ETCD, "disk": {"size": 48 * MIB}}
    bench.plug("one", 64 * MIB)
    bench.configure(large, small)
    bench.whole("sdb", "one")
    assert "waiting for a blank disk of" in bench.boot().said
    bench.plug("two", 128 * MIB)
    bench.whole("sda", "two")
    host = bench.boot()
    assert host.said.endswith(f"/var/lib/etcd is on {bench.root}/dev/sdb")
    assert "/var/lib/kubelet is on" in host.said
    bench.write("var/lib/etcd/member/wal/1.wal", "kept")
    # the next boot names them the other way round
    bench.off()
    for old, new in (("sda", "sdc"), ("sdb", "sda"), ("sdc", "sdb")):
        (bench.root / "dev" / old).rename(bench.root / "dev" / new)
    assert not formatted(bench.boot())
    assert bench.read("var/lib/etcd/member/wal/1.wal") == "kept"


def test_two_disks_that_fit_are_not_guessed_between(bench: Bench) -> None:
    bench.configure({**ETCD, "disk": {"size": 48 * MIB}})
    for name, node in (("one", "sda"), ("two", "sdb")):
        bench.plug(name)
        bench.whole(node, name)
    host = bench.boot()
    assert "both fit: name one by its id, or detach it" in host.said
    assert not formatted(host)


def test_another_disk_is_not_taken_while_ours_is_there(bench: Bench) -> None:
    bench.plug("etcd")
    bench.whole("sda", "etcd")
    bench.configure(ETCD)
    bench.boot()
    bench.plug("new")
    bench.configure({**ETCD, "disk": {"path": "dev/disk/by-id/new"}})
    host = bench.boot()
    assert "and blank /dev/disk/by-id/new was asked for: detach one of them" in host.said


def test_a_copy_of_a_disk_is_not_guessed_about(bench: Bench) -> None:
    bench.plug("etcd")
    bench.configure(ETCD)
    bench.boot()
    bench.off()
    command("cp", f"{bench.folder}/etcd.img", f"{bench.folder}/copy.img")
    bench.plug("copy")
    bench.whole("sda", "etcd")
    bench.whole("sdb", "copy")
    bench.configure({**ETCD, "disk": {"size": 48 * MIB}})
    assert "both fit: name one by its id, or detach it" in bench.boot().said


def test_a_newer_revision_of_the_kubelets_files_reaches_the_disk(bench: Bench) -> None:
    bench.plug("containers")
    bench.configure(CONTAINERS)
    bench.write("var/lib/nodeseed/installed.json", '{"files": ["var/lib/kubelet/config.yaml"]}')
    bench.write("var/lib/kubelet/config.yaml", "first")
    bench.boot()
    bench.off()
    bench.write("var/lib/kubelet/config.yaml", "second")  # the installer runs before the mount
    bench.boot()
    assert bench.read("var/lib/kubelet/config.yaml") == "second"
    bench.write("var/lib/kubelet/config.yaml", "by kubeadm upgrade")
    bench.boot()
    assert bench.read("var/lib/kubelet/config.yaml") == "by kubeadm upgrade"


def test_data_of_etcd_on_the_root_disk_is_not_covered(bench: Bench) -> None:
    bench.plug("etcd")
    bench.configure(ETCD)
    bench.write("var/lib/etcd/member/wal/1.wal", "on the root disk")
    host = bench.boot()
    assert host.said == (
        "etcd: /var/lib/etcd/member is on the root disk: move it away, on one machine at a time"
    )
    assert not formatted(host)
    assert bench.read("var/lib/etcd/member/wal/1.wal") == "on the root disk"


def test_nothing_can_be_written_where_the_disk_was(bench: Bench) -> None:
    bench.plug("etcd")
    bench.configure(ETCD)
    bench.boot()
    command("umount", f"{bench.root}/var/lib/etcd")
    with pytest.raises(OSError, match="Read-only"):
        bench.write("var/lib/etcd/member", "x")
    assert step(Host(bench.root)) == 0
    bench.write("var/lib/etcd/member", "x")


def test_nothing_is_filled_while_containers_run(bench: Bench) -> None:
    bench.plug("containers")
    bench.configure(CONTAINERS)
    bench.write("proc/mounts", "overlay /run/containerd/x overlay rw 0 0\n")
    host = bench.boot()
    assert "reboot this machine" in host.said
    assert not formatted(host)
