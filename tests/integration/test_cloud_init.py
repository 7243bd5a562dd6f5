"""cloud-init itself takes the user-data: it is valid, and becomes exactly the planned files."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nodeseed.platforms import PLATFORMS

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]

# The distribution's own interpreter, with its cloudinit package.
PYTHON = "/usr/bin/python3"
MISSING = "cloud-init is missing: run tests/integration/install.sh, or install cloud-init."

# Runs in cloud-init's interpreter: user-data on standard input becomes files under a folder, by
# cloud-init's own parts; what remains is the folder, before every path.
UNPACK = """
import json, sys
from cloudinit import helpers, user_data, util
from cloudinit.config import cc_write_files

root, own = sys.argv[1:]
paths = helpers.Paths({"cloud_dir": own + "/cloud", "run_dir": own + "/run"})
message = user_data.UserDataProcessor(paths).process(sys.stdin.buffer.read())
(part,) = [part for part in message.walk() if not part.is_multipart()]
assert part.get_content_type() == "text/cloud-config", part.get_content_type()
config = util.load_yaml(util.fully_decoded_payload(part))
assert config, "cloud-init finds no cloud-config in these bytes"
files = config["write_files"]
for file in files:
    file["path"] = root + file["path"]
cc_write_files.write_files("write_files", files, "root:root")
del config["write_files"]
json.dump(config, sys.stdout)
"""

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
    assert shutil.which("cloud-init"), MISSING
    rendered = render(platform=platform(name), nodes=NODES, **BLOCKS)
    for node in rendered.nodes:
        checked(rendered.readable(node))


def test_the_schema_of_cloud_init_accepts_packages(render: Render) -> None:
    assert shutil.which("cloud-init"), MISSING
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
def test_cloud_init_unpacks_the_very_bytes_into_the_planned_files(
    render: Render, tmp_path: Path, name: str
) -> None:
    assert shutil.which("cloud-init"), MISSING
    rendered = render(platform=platform(name), nodes=NODES, **BLOCKS)
    for node in rendered.nodes:
        root = tmp_path / node
        user_data = rendered.user_data(node)
        if PLATFORMS[name].encoding == "base64-gzip":  # the platform's datasource decodes
            user_data = base64.b64decode(user_data, validate=True)
        rest = unpack(user_data, root, tmp_path)
        assert rest["hostname"] == node
        assert rest["runcmd"][-1:] == BLOCKS["commands"]
        assert rest["ssh_authorized_keys"] == BLOCKS["ssh"]["authorizedKeys"]
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


def unpack(user_data: bytes, root: Path, own: Path) -> Any:
    """Let cloud-init write the files; give what else the cloud-config says."""
    as_root = () if os.geteuid() == 0 else ("unshare", "--map-root-user")  # files belong to root
    done = subprocess.run(
        [*as_root, PYTHON, "-c", UNPACK, str(root), str(own)],
        input=user_data,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return json.loads(done.stdout)
