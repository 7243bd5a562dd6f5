"""Arrays and volume groups, which the kernel of containers lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nodeseed_lab.qemu.hardware import Disk
from nodeseed_lab.qemu.machine import Saved
from tests.qemu.conftest import MakeMachine, Render, deliver

NODE = "cp-1"
SIZE = "64M"
ARRAYS = {
    "etcd": ("etcd-a", "etcd-b", "etcd-c", "etcd-d"),
    "data": ("data-a", "data-b"),
}
CLOCK: dict[str, Any] = {"source": "host"}


def raid(level: int, name: str) -> dict[str, Any]:
    return {"level": level, "disks": [{"id": f"virtio-{serial}"} for serial in ARRAYS[name]]}


STORAGE = {
    "etcd": {"raid": raid(10, "etcd")},
    "containers": {"volume": {"group": "data"}},
    "volumeGroups": [{"name": "data", "raid": raid(1, "data")}],
}
PLACES = ("/var/lib/etcd", "/var/lib/containerd", "/var/lib/kubelet")
FOREIGN = """
mkfs.ext4 -q -L theirs $1 && mount $1 /mnt && echo theirs >/mnt/file && umount /mnt && sync
"""


def test_arrays_survive_a_power_cut_and_the_loss_of_a_disk_each(
    render: Render, machine: MakeMachine, saved: Saved, tmp_path: Path
) -> None:
    rendered = render(time=CLOCK, storage=STORAGE)
    disks = {
        serial: Disk.blank(tmp_path, serial, SIZE)
        for serials in ARRAYS.values()
        for serial in serials
    }
    node = machine(NODE, disks=list(disks.values()))
    node.resume(saved)
    theirs = "/dev/disk/by-id/virtio-etcd-c"
    node.run("sh", "-ec", FOREIGN, "sh", theirs)
    deliver(node, rendered)

    node.wait_for(f"nodeseed {NODE}: raid: etcd: .*etcd-c holds ext4 .* not this node")
    assert node.run("sh", "-ec", "mount $1 /mnt; cat /mnt/file; umount /mnt", "sh", theirs) == (
        "theirs\n"
    )
    node.run("blkdiscard", "-zf", theirs)  # as it says
    node.wait_for(f"nodeseed {NODE}: lvm: volume group data is there")
    node.wait_for(f"nodeseed {NODE}: storage: /var/lib/etcd is on .*/var/lib/kubelet is on ")
    assert "DEGRADED" not in node.console
    for place in PLACES:
        node.put(f"{place}/proof", b"kept\n")
    made = node.run("lsblk", "-no", "UUID,LABEL")
    node.run("sync")
    node.cut_power()

    node.disks.remove(disks["etcd-a"])
    node.disks.remove(disks["data-b"])
    node.start()
    said = node.wait_for(f"nodeseed {NODE}: raid: .*DEGRADED.*DEGRADED")
    assert said.count("DEGRADED: 1 of ") == 2
    node.wait_for(f"nodeseed {NODE}: storage: /var/lib/etcd is on .*/var/lib/kubelet is on ")
    node.wait_agent()
    for place in PLACES:
        assert node.read(f"{place}/proof") == "kept\n"
    again = node.run("lsblk", "-no", "UUID,LABEL")
    assert set(again.split()) <= set(made.split())
