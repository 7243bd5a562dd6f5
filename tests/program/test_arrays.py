"""Arrays and volume groups: which commands are given, and which never. QEMU runs the real ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodeseed_node.disks import CLAIM, find, identity
from nodeseed_node.lvm import lvm
from nodeseed_node.raid import raid
from tests.program.machines import FakeMachine

SIZE = 4 * 2**20


class Disks(FakeMachine):
    """Files as disks, and what mdadm and LVM would know of them."""

    def __init__(self, root: Path, step: str) -> None:
        super().__init__(root, step, self.act)
        self.marks: dict[str, list[str]] = {}  # device: type and UUID
        self.array: list[str] = []  # the disks of the one that runs
        self.groups: set[str] = set()
        self.volumes: set[str] = set()

    def plug(self, *names: str) -> None:
        for name in names:
            self.path(f"dev/{name}").write_bytes(bytes(SIZE))

    def act(self, command: tuple[str, ...], _stdin: str) -> tuple[int, str]:
        program, *rest = command
        match program:
            case "wipefs":
                kind, mark = self.marks.get(Path(rest[-1]).name, ["", ""])
                row = {"type": kind, "uuid": mark, "label": None}
                return 0, json.dumps({"signatures": [row] if kind else []})
            case "mdadm" if rest[0] == "--detail":
                mark = self.marks[self.array[0]][1] if self.array else ""
                quads = mark.replace("-", "")
                shown = ":".join(quads[at : at + 8] for at in range(0, 32, 8))
                return 0, f"MD_LEVEL=raid1\nMD_UUID={shown}"
            case "mdadm" if rest[0] in ("--create", "--assemble"):
                disks = [Path(word).name for word in rest[1:] if "/dev/vd" in word]
                if rest[0] == "--create":
                    mark = next(word for word in rest if word.startswith("--uuid="))[7:]
                    self.marks.update((disk, ["linux_raid_member", mark]) for disk in disks)
                self.run_array(disks)
            case "mdadm" if rest[0] == "--stop":
                self.remove("sys/block/md127")
            case "vgs":
                return (0 if rest[0] in self.groups else 5), ""
            case "vgcreate":
                self.groups.add(rest[0])
            case "lvs":
                return (0 if rest[0] in self.volumes else 5), ""
            case "lvcreate":
                name = rest[rest.index("-n") + 1]
                self.volumes.add(f"{rest[-1]}/{name}")
                device = self.path(f"dev/{rest[-1]}/{name}")
                device.parent.mkdir(exist_ok=True)
                device.write_bytes(b"x" * SIZE)
        return 0, ""

    def run_array(self, disks: list[str], state: str = "clean") -> None:
        self.array = disks
        self.plug("md127")
        self.write("sys/block/md127/md/degraded", str(2 - len(disks)))
        self.write("sys/block/md127/md/array_state", state)

    def off(self) -> None:
        """Switch it off: what runs is gone, what is on disks is not."""
        self.remove("sys/block/md127")
        self.remove("run")
        self.commands.clear()

    def gave(self, *words: str) -> list[tuple[str, ...]]:
        return [c for c in self.commands if c[: len(words)] == words]


@pytest.fixture
def m(tmp_path: Path) -> Disks:
    m = Disks(tmp_path, "raid")
    disks = [{"path": "dev/vdb"}, {"path": "dev/vdc"}]
    group = {"name": "data", "disks": disks, "volumes": [["etcd", 2**30], ["containers", 0]]}
    m.configure(
        raids=[{"name": "etcd", "level": 1, "disks": disks}],
        volumeGroups=[group],
    )
    return m


def test_an_array_is_created_once_and_assembled_afterwards(m: Disks) -> None:
    m.plug("vdb", "vdc")
    assert raid(m) == 0
    (created,) = m.gave("mdadm", "--create")
    assert f"--uuid={identity(m, 'raid/etcd')}" in created
    assert created[-2:] == (str(m.path("dev/vdb")), str(m.path("dev/vdc")))
    assert m.path("run/nodeseed/raid/etcd").resolve() == m.path("dev/md127")
    assert m.said == "etcd is /dev/md127"
    m.off()
    raid(m)
    assert not m.gave("mdadm", "--create")
    assert len(m.gave("mdadm", "--assemble")) == 1
    assert m.slept == 0


def test_a_degraded_array_comes_up_after_a_while_and_says_so(m: Disks) -> None:
    m.plug("vdb", "vdc")
    raid(m)
    m.off()
    m.remove("dev/vdc")
    m.marks.pop("vdc")
    raid(m)
    assert "etcd: 1 of 2 disks are there, waiting for the others" in m.console[-2]
    assert m.slept >= 30
    assert m.said.startswith("etcd is /dev/md127, DEGRADED: 1 of 2 disks missing; wipe a new one")
    assert not m.gave("mdadm", "--create")


def test_nothing_is_created_where_one_disk_carries_the_mark(m: Disks) -> None:
    """Be it a cut within mdadm --create, or a new disk beside one with data."""
    m.plug("vdb", "vdc")
    m.marks["vdb"] = ["linux_raid_member", identity(m, "raid/etcd")]
    raid(m)
    assert not m.gave("mdadm", "--create")
    assert "DEGRADED" in m.said


def test_an_array_that_udev_began_is_begun_anew(m: Disks) -> None:
    m.plug("vdb", "vdc")
    raid(m)
    m.off()
    m.run_array(["vdb"], "inactive")
    raid(m)
    assert [c[1] for c in m.gave("mdadm") if c[1] != "--detail"] == ["--stop", "--assemble"]


def test_an_array_that_runs_is_left_alone(m: Disks) -> None:
    m.plug("vdb", "vdc")
    raid(m)
    m.commands.clear()
    raid(m)
    assert not [c for c in m.gave("mdadm") if c[1] != "--detail"]


def test_a_disk_of_another_array_is_not_taken(m: Disks) -> None:
    m.plug("vdb", "vdc")
    m.marks["vdc"] = ["linux_raid_member", "0f3c"]
    m.while_asleep = [m.marks.clear]
    raid(m)
    assert "etcd: /dev/vdc holds linux_raid_member 0f3c, not this node's data" in m.console[0]
    assert len(m.gave("mdadm", "--create")) == 1


def test_a_volume_group_is_created_once_and_its_volumes_are_blank(m: Disks) -> None:
    m.plug("vdb", "vdc")
    assert lvm(m) == 0
    name = f"data-{identity(m, 'group/data')[:8]}"
    both = (str(m.path("dev/vdb")), str(m.path("dev/vdc")))
    assert m.gave("vgcreate") == [("vgcreate", name, *both)]
    sizes = [command[4:6] for command in m.gave("lvcreate")]
    assert sizes == [("-L", f"{2**30}b"), ("-l", "100%FREE")]
    volume = m.path("run/nodeseed/volumes/etcd").resolve()
    assert volume == m.path(f"dev/{name}/etcd")
    data = volume.read_bytes()
    assert data[: 2**20] + data[-(2**20) :] == bytes(2**21)
    volume.write_bytes(b"data")
    m.commands.clear()
    lvm(m)
    assert not m.gave("vgcreate") + m.gave("lvcreate")
    assert m.gave("vgchange", "-ay", name)
    assert volume.read_bytes() == b"data"


def test_what_lies_on_an_array_is_not_taken_for_its_disks(m: Disks) -> None:
    """An array, its volume group and their file system may all be called the same."""
    disks = [{"path": "dev/vdb"}, {"path": "dev/vdc"}]
    array = {"path": "run/nodeseed/raid/data"}
    m.configure(
        raids=[{"name": "data", "level": 1, "disks": disks}],
        volumeGroups=[{"name": "data", "disks": [array], "volumes": [["containers", 0]]}],
    )
    for name in ("vdb", "vdc"):
        m.plug(name)
        m.write(f"sys/block/{name}/size", str(SIZE // 512))
        m.write(f"sys/block/{name}/device/model", "a disk")
    raid(m)
    md = str(m.path("dev/md127"))
    assert find(m, array, identity(m, "data")) == md
    assert lvm(m) == 0
    ((*_, disk),) = m.gave("vgcreate")
    assert disk == md


def test_a_claim_is_no_data_but_the_same_bytes_elsewhere_are(m: Disks) -> None:
    m.plug("vdb", "vdc")
    for device, at in (("vdb", SIZE + CLAIM), ("vdc", SIZE + CLAIM + 512)):
        with m.path(f"dev/{device}").open("r+b") as file:
            file.seek(at)
            file.write(identity(m, "group/data").encode())
    m.while_asleep = [lambda: m.plug("vdc")]
    lvm(m)
    assert "/dev/vdc holds unknown data, not this node's data" in m.console[0]
