"""Disks of a node: which are formatted and which never, under whatever name they are found."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nodeseed_node import disks
from tests.integration.loop_disks import (
    CONTAINERS,
    ETCD,
    MIB,
    Bench,
    Host,
    command,
    digest,
    formatted,
    step,
)


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
