"""cloud-init itself reads the images: a machine's own, and one that serves many machines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from nodeseed.images import write_images, write_shared_image
from nodeseed.outputs.cluster_state import ClusterState
from tests.integration import cloud_init

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]

BOOT = Path(__file__).with_name("volume_boot.py")
# As Debian's cloud images have it, without what would touch this computer.
CLOUD_CFG = """
datasource_list: [NoCloud, ConfigDrive, Ec2, None]
users: []
cloud_init_modules: []
cloud_config_modules: []
cloud_final_modules: []
system_info: {distro: debian}
"""
# Stand-ins on the machine's PATH. blkid looks at the image as the real one does; this computer's
# kernel may lack ISO 9660, so xorriso reads the files, by an implementation of its own.
COMMANDS = {
    "blkid": """
export PATH=/usr/sbin:/usr/bin
test -n "$IMAGE" || exit 2
found=$(blkid -p -o export "$IMAGE" | sed "s|^DEVNAME=.*|DEVNAME=$DEVICE|")
for word in "$@"; do
  case $word in
    -t*=*) wanted=${word#-t} ;;
    [A-Z]*=*) wanted=$word ;;
  esac
done
if [ -z "$wanted" ]; then echo "$found"; exit; fi
echo "$found" | grep -qx "$wanted" || exit 2
echo "$DEVICE"
""",
    "mount": """
for place in "$@"; do :; done
exec xorriso -report_about FATAL -osirrox on -indev "$IMAGE" -extract / "$place"
""",
    "umount": """
for place in "$@"; do :; done
chmod -R u+w "$place" && rm -rf "$place"/*
""",
    "systemd-detect-virt": "echo kvm",
    # systemd ends cloud-init when it restarts the machine.
    "systemctl": 'echo "$@" >>"$ROOT/restarts"; kill $PPID',
}
PLACES = """
set -eu
mkdir -p "$ROOT/dev/shm"
for device in null zero urandom random; do
  touch "$ROOT/dev/$device"
  mount --bind /dev/$device "$ROOT/dev/$device"
done
for place in etc/cloud var/lib var/log sys/class run; do
  mount --bind "$ROOT/$place" "/$place"
done
mount --rbind "$ROOT/dev" /dev
PATH=$ROOT/bin:$PATH
exec "$@"
"""


@dataclass
class Machine:
    """A machine in a folder, with cloud-init of some release and a volume that may be in it."""

    root: Path
    release: str
    image: Path | None
    marks: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files = {
            "etc/cloud/cloud.cfg": CLOUD_CFG,
            "sys/class/net/lo/address": "00:00:00:00:00:00\n",
            "sys/class/net/eth0/address": self.marks.get("mac", "52:54:00:00:00:99") + "\n",
            "sys/class/net/eth0/device/vendor": "0x1af4\n",
            "sys/class/dmi/id/product_serial": self.marks.get("serial", "S99") + "\n",
            "sys/class/dmi/id/product_uuid": self.marks.get("uuid", "") + "\n",
            "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=UUID=x ro\n",
            "proc/1/cmdline": "/sbin/init\n",
            "proc/uptime": "1.0 1.0\n",
            "dev/console": "",
            **{f"bin/{name}": f"#!/bin/sh\n{text}" for name, text in COMMANDS.items()},
        }
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if name.startswith("bin/") else 0o644)
        for name in ("etc/cloud/cloud.cfg.d", "var/lib/cloud", "var/log", "run"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def boot(self) -> Any:
        """Let the machine start; give what cloud-init has then, None if it was told to restart."""
        restarts = self.restarts
        done = self._inside(cloud_init.PYTHON, str(BOOT))
        shutil.rmtree(self.root / "run")  # it does not outlast a restart
        (self.root / "run").mkdir()
        if self.restarts > restarts:
            return None
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])  # behind what the boothook said

    def _inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        as_root = () if os.geteuid() == 0 else ("--map-root-user",)
        return subprocess.run(
            ["unshare", *as_root, "--mount", "sh", "-c", PLACES, "sh", *command],
            env={
                **cloud_init.environment(self.release),
                "ROOT": str(self.root),
                "IMAGE": str(self.image or ""),
                "DEVICE": "/dev/sr0",
                "PATH_ROOT": str(self.root),  # ds-identify's
                "DI_LOG": "stderr",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @property
    def restarts(self) -> int:
        """How often the machine was told to restart."""
        path = self.root / "restarts"
        return len(path.read_text().splitlines()) if path.exists() else 0

    @property
    def console(self) -> str:
        """What was written on the console."""
        return (self.root / "dev/console").read_text()

    def identified(self) -> str:
        """What ds-identify, which decides whether cloud-init runs at all, finds at this start."""
        script = cloud_init.root(self.release) / "usr/lib/cloud-init/ds-identify"
        done = self._inside("sh", str(script), "--force")
        assert done.returncode == 0, done.stderr
        (listed,) = [
            line
            for line in (self.root / "run/cloud-init/cloud.cfg").read_text().splitlines()
            if line.startswith("datasource_list:")
        ]
        return listed


def on_disk(root: Path) -> bytes:
    """Everything on the machine's disk."""
    disk = [*(root / "etc").rglob("*"), *(root / "var").rglob("*")]
    return b"\0".join(path.read_bytes() for path in disk if path.is_file())


def lines_of_keys(rendered: Rendered, node: str) -> set[bytes]:
    """What a node's private keys are in its user-data, whatever they are indented by."""
    files = [file for file in rendered.files(node) if file.path.endswith(".key")]
    return {line for file in files for line in file.content.split() if len(line) > 32}


def seeds(rendered: Rendered, node: str) -> tuple[Any, Any, Any]:
    """The documents in a node's files."""
    folder = rendered.out / node
    return tuple(
        yaml.safe_load((folder / name).read_text())
        for name in ("user-data", "meta-data", "network-config")
    )


STATIC = {
    "name": "nocloud",
    "network": "static",
    "gateways": "10.0.0.1",
    "nameservers": ["10.0.0.53"],
}
MARKS = [
    {"mac": "52:54:00:00:00:11"},
    {"serial": "S12"},
    {"uuid": "4C4C4544-0051-3910-8052-B4C04F4A3132"},
    {"mac": "52:54:00:00:00:21", "serial": "S21"},
]
NODES = [
    {"name": f"cp-{number}", "role": "control-plane", "address": f"10.0.0.1{number}"}
    for number in (1, 2, 3)
] + [{"name": "worker-1", "role": "worker", "address": "10.0.0.21"}]
MATCHED = [{**node, "match": marks} for node, marks in zip(NODES, MARKS, strict=True)]


@pytest.mark.parametrize("release", cloud_init.RELEASES)
def test_cloud_init_takes_a_machines_own_image(
    render: Render, tmp_path: Path, release: str
) -> None:
    rendered = render(platform=STATIC, nodes=NODES)
    (image,) = write_images(ClusterState(tmp_path / "it.yaml"), rendered.out, ["cp-1"])
    machine = Machine(tmp_path / "machine", release, image)
    assert machine.identified() == "datasource_list: [ NoCloud, None ]"
    booted = machine.boot()
    user_data, meta_data, network = seeds(rendered, "cp-1")
    assert booted["seed"] == "/dev/sr0"
    assert booted["config"] == user_data
    assert booted["instance"] == meta_data["instance-id"]
    assert booted["hostname"] == "cp-1"
    assert booted["network"] == network


# Each release, and each way of telling machines apart.
@pytest.mark.parametrize(
    ("release", "node"),
    [
        (cloud_init.INSTALLED, "cp-1"),
        ("trixie", "cp-2"),
        ("forky", "cp-3"),
        ("forky", "worker-1"),
    ],
)
def test_a_machine_takes_its_own_part_of_an_image_for_many(
    render: Render, tmp_path: Path, release: str, node: str
) -> None:
    rendered = render(platform=STATIC, nodes=MATCHED)
    image = write_shared_image(ClusterState(tmp_path / "it.yaml"), rendered.out, [])
    (marks,) = [entry["match"] for entry in MATCHED if entry["name"] == node]
    machine = Machine(tmp_path / "machine", release, image, marks)
    assert machine.identified() == "datasource_list: [ NoCloud, None ]"
    assert machine.boot() is None
    assert machine.console == (
        f"nodeseed: this machine is {node}; it restarts. Take the volume out: it holds all keys\n"
    )
    for start in ("with the volume", "without it"):
        machine.image = image if start == "with the volume" else None
        assert machine.identified() == "datasource_list: [ NoCloud, None ]"
        booted = machine.boot()
        user_data, meta_data, network = seeds(rendered, node)
        assert booted["seed"] == "/var/lib/cloud/seed/nocloud", start
        assert booted["config"] == user_data
        assert booted["instance"] == meta_data["instance-id"]
        assert booted["hostname"] == node
        assert booted["network"] == network
    assert machine.restarts == 1
    # Without the seed, the link of the settings leads nowhere, as after a power cut before the end.
    seed = machine.root / "var/lib/cloud/seed/nocloud"
    seed.rename(seed.with_name("away"))
    machine.image = image
    assert machine.identified() == "datasource_list: [ NoCloud, None ]"
    assert machine.boot() is None
    assert machine.restarts == 2
    assert [path.name for path in seed.iterdir()] != []
    disk = on_disk(machine.root)
    keys = {name: lines_of_keys(rendered, name) for name in rendered.nodes}
    assert {line for line in keys[node] if line not in disk} == set()
    others = set().union(*keys.values()) - keys[node]
    assert len(others) > len(keys[node])
    assert {line for line in others if line in disk} == set()


@pytest.mark.parametrize("release", cloud_init.RELEASES)
def test_a_machine_that_no_node_fits_says_so_and_stays_as_it_is(
    render: Render, tmp_path: Path, release: str
) -> None:
    rendered = render(nodes=MATCHED)
    image = write_shared_image(ClusterState(tmp_path / "it.yaml"), rendered.out, [])
    machine = Machine(tmp_path / "machine", release, image, {"mac": "52:54:00:00:00:21"})
    for _ in range(2):
        booted = machine.boot()
        assert booted["config"] in ({}, None)
    assert machine.console.splitlines()[0] == (
        "nodeseed: no node of the volume fits this machine, nothing is done; it has mac "
        "52:54:00:00:00:21; serial S99; uuid ; mend match in the cluster file"
    )
    assert machine.restarts == 0
    assert not (machine.root / "var/lib/cloud/seed/nocloud").exists()
    assert b"BEGIN" not in on_disk(machine.root)
