"""systemd itself finds nothing to say about any unit that a node gets."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

MISSING = "systemd-analyze is missing: run tests/integration/install.sh, or install systemd."
UNITS = "etc/systemd/system"

NODES = [
    {"name": "control-plane-1", "role": "control-plane", "address": "10.0.0.11"},
    {"name": "worker-1", "role": "worker", "address": "10.0.0.21"},
]
DISKS = {
    "etcd": {"raid": {"level": 1, "disks": [{"path": "/dev/vdb"}, {"path": "/dev/vdc"}]}},
    "containers": {"volume": {"group": "data"}},
    "volumeGroups": [{"name": "data", "disks": [{"path": "/dev/vdd"}]}],
}
CLUSTERS: dict[str, dict[str, Any]] = {
    "etcd-as-a-unit": {"nodes": NODES, "containerd": {"proxy": {"http": "http://192.0.2.1:3128"}}},
    "etcd-as-a-static-pod-dns-and-ipvs": {
        "nodes": NODES,
        "etcd": {"run": "static-pod", "maintenance": {}},
        "dns": {},
        "proxy": {"mode": "ipvs"},
    },
    "bridge-load-balancer-and-binaries": {
        "nodes": NODES,
        "networking": {
            "podSubnet": "10.244.0.0/16",
            "serviceSubnet": "10.96.0.0/12",
            "nodeSubnet": "10.0.0.0/24",
        },
        "endpoint": {"host": "10.0.0.100", "provider": "haproxy-keepalived"},
        "kubernetes": {
            "version": "1.37.2",
            "software": {
                "source": "binaries",
                "binaries": {"sha256": dict.fromkeys(("kubelet", "kubeadm", "kubectl"), "0" * 64)},
            },
        },
    },
    "disks": {"nodes": NODES, "storage": DISKS},
    "disks-and-etcd-as-a-static-pod": {
        "nodes": [*NODES, {"name": "etcd-1", "role": "etcd", "address": "10.0.0.1"}],
        "etcd": {"run": "static-pod"},
        "storage": {**DISKS, "containers": {**DISKS["containers"], "roles": ["etcd", "worker"]}},
    },
    "load-balancer-nodes": {
        "nodes": [
            *NODES,
            {"name": "control-plane-2", "role": "control-plane", "address": "10.0.0.12"},
            {"name": "control-plane-3", "role": "control-plane", "address": "10.0.0.13"},
            {"name": "lb-1", "role": "load-balancer", "address": "10.0.0.31"},
        ],
        "endpoint": {"host": "10.0.0.100", "provider": "lvs-keepalived"},
    },
    "node-local": {
        "nodes": NODES,
        "endpoint": {"host": "api.it.example.com", "provider": "node-local"},
    },
    "elastic-pool": {
        "nodes": NODES,
        "pki": {"caKeysOnNodes": "control-plane"},
        "pools": [{"name": "burst", "role": "worker", "elastic": {"max": 3}}],
    },
    "dedicated-etcd-as-a-unit": {
        "nodes": [*NODES, {"name": "etcd-1", "role": "etcd", "address": "10.0.0.1"}]
    },
    "dedicated-etcd-as-a-static-pod": {
        "nodes": [*NODES, {"name": "etcd-1", "role": "etcd", "address": "10.0.0.1"}],
        "etcd": {"run": "static-pod", "maintenance": {}},
    },
}
# What the node's image brings: a unit that ours refer to.
CONTAINERD = "[Service]\nExecStart=/usr/local/bin/containerd\n"

EXEC = re.compile(r"^Exec\w+=[-@:+!|]*(\S+)", re.MULTILINE)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_systemd_accepts_and_enables_every_unit(
    render: "Callable[..., Rendered]", tmp_path: Path, cluster: str
) -> None:
    assert shutil.which("systemd-analyze"), MISSING
    rendered = render(**CLUSTERS[cluster])
    for node in rendered.nodes:
        root = complete(rendered.install(node, tmp_path / node))
        # A folder of drop-ins stands for its unit, ours or the image's.
        names = sorted({file.name.removesuffix(".d") for file in (root / UNITS).iterdir()})
        wanted = [name for name in names if "\n[Install]\n" in text_of(root, name)]
        assert {"nodeseed.target", "kubelet.service"} & set(wanted)
        assert systemd("systemctl", f"--root={root}", "--quiet", "enable", *wanted) == ""
        for name in (*names, "multi-user.target"):  # the last: in the order of a whole boot
            assert verify(root, name) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Restart=always", "Restrat=always"),
        ("ExecStart=", "ExecStart=/no/such/folder/"),
        ("[Service]", "Wants=nodeseed-network.service\nBefore=nodeseed-network.service\n[Service]"),
    ],
    ids=["a-misspelt-key", "a-missing-program", "an-ordering-cycle"],
)
def test_systemd_finds_what_is_wrong(
    render: "Callable[..., Rendered]", tmp_path: Path, right: str, wrong: str
) -> None:
    root = complete(render().install("cp-1", tmp_path / "cp-1"))
    unit = root / UNITS / "etcd.service"
    unit.write_text(unit.read_text().replace(right, wrong))
    systemd("systemctl", f"--root={root}", "--quiet", "enable", "nodeseed.target", unit.name)
    assert verify(root, unit.name) + verify(root, "multi-user.target") != ""


def complete(root: Path) -> Path:
    """Give a node's files what a stock image has: systemd's own units, and the programs."""
    shutil.copytree("/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    (root / "usr/lib/systemd/system/containerd.service").write_text(CONTAINERD)
    (root / "lib").symlink_to("usr/lib")
    for unit in root.rglob("*.service"):
        for program in EXEC.findall(unit.read_text()):
            path = root / (program[1:] if program.startswith("/") else f"usr/bin/{program}")
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text("#!/bin/sh\n")
                path.chmod(0o755)
    return root


def text_of(root: Path, unit: str) -> str:
    """A unit of ours; of the image's units we only have drop-ins."""
    path = root / UNITS / unit
    return path.read_text() if path.exists() else ""


def verify(root: Path, unit: str) -> str:
    """What systemd says about a unit and all that starts with it."""
    return systemd("systemd-analyze", "verify", f"--root={root}", "--man=no", unit)


def systemd(*command: str) -> str:
    """What one of systemd's programs says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
