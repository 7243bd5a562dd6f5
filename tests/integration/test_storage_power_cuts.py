"""Disks of a node after power cuts, between any two commands and in the middle of mkfs."""

import contextlib

import pytest

from tests.integration.loop_disks import CONTAINERS, ETCD, Bench, PowerCut, formatted


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
