"""cloud-init itself takes the user-data: it is valid, and becomes exactly the planned files."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nodeseed.platforms import PLATFORMS
from tests.integration import cloud_init

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]

DATASOURCES = Path(__file__).with_name("datasources.py")

NETWORKS: dict[str, Any] = {
    "podSubnet": "10.244.0.0/16",
    "serviceSubnet": "10.96.0.0/12",
    "cni": "none",
    "subnets": [{"cidr": "10.0.0.0/24", "zone": "zone-a"}],
}
# What cluster files may hold that could go wrong on the way.
BLOCKS: dict[str, Any] = {
    "networking": NETWORKS,
    "ssh": {"authorizedKeys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== someone@example.com"]},
    "time": {"servers": ["192.0.2.123", "time.example.com"]},
    "commands": ["echo 'first: # command' && true"],
    "files": [
        {
            "path": "/etc/motd",
            "content": "Grüße, 世界 🙂: \t'single' \"double\" {{ no }} $that\n\n",
        },
        {"path": "/opt/no-newline", "content": "#!/bin/sh\r\nyes: 012", "permissions": "0750"},
        {"path": "/opt/spaces", "content": "  begins with spaces\n\n  \nends with them  \n"},
        {"path": "/opt/empty", "content": ""},
        {"path": "/opt/number", "content": "0644"},
    ],
}
OWNER = (os.geteuid(), os.getegid())
NODES = [
    {"name": "cp-1", "role": "control-plane", "address": "10.0.0.11"},
    {"name": "etcd-1", "role": "etcd", "address": "10.0.0.12"},
    {"name": "worker-1", "role": "worker", "address": "10.0.0.21"},
]


def platform(name: str) -> dict[str, str]:
    """The smallest platform block."""
    needed = PLATFORMS[name].options.model_fields
    return {"name": name} | ({"region": "eu-central-1"} if "region" in needed else {})


@pytest.mark.parametrize("name", PLATFORMS)
def test_the_schema_of_cloud_init_accepts_every_node(render: Render, name: str) -> None:
    assert shutil.which("cloud-init"), cloud_init.MISSING
    rendered = render(platform=platform(name), nodes=NODES, **BLOCKS)
    for node in rendered.nodes:
        checked(rendered.readable(node))


def test_the_schema_of_cloud_init_accepts_packages(render: Render) -> None:
    assert shutil.which("cloud-init"), cloud_init.MISSING
    key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n"
    rendered = render(
        kubernetes={
            "version": "1.37.2",
            "software": {"source": "packages", "packages": {"key": key}},
        },
        etcd={"run": "static-pod"},
    )
    checked(rendered.readable("cp-1"))


@pytest.mark.parametrize("name", PLATFORMS)
def test_each_cloud_init_unpacks_what_the_platform_delivers_into_the_planned_files(
    render: Render, tmp_path: Path, name: str
) -> None:
    rendered = render(platform=platform(name), nodes=NODES, **BLOCKS)
    for release in cloud_init.RELEASES:
        if name == "linode" and not cloud_init.has_source(release, "Akamai"):
            continue  # platforms.md says so
        own = tmp_path / release
        rest = delivered(name, release, rendered.out, own)
        assert list(rest) == sorted(rendered.nodes)
        for node in rendered.nodes:
            assert rest[node]["hostname"] == node
            assert rest[node]["runcmd"][-1:] == BLOCKS["commands"]
            assert rest[node]["ssh_authorized_keys"] == BLOCKS["ssh"]["authorizedKeys"]
            planned(rendered, node, own / node)


def planned(rendered: "Rendered", node: str, root: Path) -> None:
    """The files under a folder are the ones that the generator had in mind."""
    found = {f"/{file.relative_to(root)}": file for file in root.rglob("*") if file.is_file()}
    assert {
        name: (file.stat().st_mode & 0o7777, file.read_bytes()) for name, file in found.items()
    } == {file.staged: (file.mode, file.content) for file in rendered.files(node)}
    assert {(file.stat().st_uid, file.stat().st_gid) for file in found.values()} == {OWNER}
    # The installer takes the tree: it is, to the byte, the one that the generator had in mind.
    rendered.finish(root)
    for file in BLOCKS["files"]:
        assert (root / file["path"][1:]).read_bytes().decode() == file["content"]


def checked(file: Path) -> None:
    """cloud-init takes it, and finds nothing in it that will be gone one day."""
    done = subprocess.run(
        ["cloud-init", "schema", "-c", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deprecat" not in (done.stdout + done.stderr).lower()


def delivered(platform: str, release: str, out: Path, own: Path) -> Any:
    """Let a release of cloud-init get every node's user-data and write the files; give the rest."""
    as_root = () if os.geteuid() == 0 else ("unshare", "--map-root-user")  # files belong to root
    done = subprocess.run(
        [*as_root, cloud_init.PYTHON, DATASOURCES, platform, out, own],
        env=cloud_init.environment(release),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"{release}: {done.stderr.decode()}"
    assert done.stderr == b"", f"{release}: {done.stderr.decode()}"
    return json.loads(done.stdout)
