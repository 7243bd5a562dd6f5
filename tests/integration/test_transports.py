"""A stub goes through cloud-init, its payload through our own step, and systemd takes both."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nodeseed.render.delivery import IN_STUB, STUB
from nodeseed.transports import TRANSPORTS
from tests.integration import test_cloud_init as cloud_init
from tests.integration import test_systemd as systemd
from tests.integration.cloud_init import INSTALLED, MISSING
from tests.integration.conftest import Rendered

REMOTE = [row.name for row in TRANSPORTS.values() if row.remote]
Render = Callable[..., Rendered]


def transport(name: str) -> dict[str, Any]:
    bucket = {"bucket": "payloads"} if name == "s3" else {}
    return {
        "platform": {"name": "aws", "region": "eu-central-1"},
        "transport": {"name": name, **bucket},
    }


@pytest.mark.parametrize("name", REMOTE)
def test_cloud_init_unpacks_the_stub_and_nothing_else(
    render: Render, tmp_path: Path, name: str
) -> None:
    assert shutil.which("cloud-init"), MISSING
    rendered = render(nodes=cloud_init.NODES, **cloud_init.BLOCKS, **transport(name))
    rests = cloud_init.delivered("aws", INSTALLED, rendered.out, tmp_path)
    for node in rendered.nodes:
        cloud_init.checked(rendered.readable(node))
        root, rest = tmp_path / node, rests[node]
        assert rest["hostname"] == node
        assert rest["ssh_authorized_keys"] == cloud_init.BLOCKS["ssh"]["authorizedKeys"]
        found = {f"/{file.relative_to(root)}" for file in root.rglob("*") if file.is_file()}
        assert found == {*IN_STUB, STUB}


def test_systemd_accepts_the_stub_alone_and_all_of_it_after_the_payload(
    render: Render, tmp_path: Path
) -> None:
    assert shutil.which("systemd-analyze"), systemd.MISSING
    rendered = render(nodes=cloud_init.NODES, **cloud_init.BLOCKS, **transport("s3"))
    stubs = cloud_init.delivered("aws", INSTALLED, rendered.out, tmp_path)
    for node in rendered.nodes:
        assert stubs[node]["runcmd"][:2] == [
            "systemctl daemon-reload",
            "systemctl enable --now --no-block nodeseed.target",
        ]
        whole = shutil.copytree(tmp_path / node, tmp_path / f"{node}-whole")
        bare = systemd.complete(tmp_path / node)
        enable(bare, "nodeseed.target")
        for unit in ("nodeseed-fetch.service", "nodeseed.target", "multi-user.target"):
            assert systemd.verify(bare, unit) == ""
        payload = (rendered.out / node / "payload").read_bytes()
        for path, mode, content in json.loads(gzip.decompress(payload)):
            file = whole / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode())
            file.chmod(int(mode, 8))
        systemd.complete(rendered.finish(whole))
        for own in cloud_init.BLOCKS["files"]:
            assert (whole / own["path"][1:]).read_bytes().decode() == own["content"]
        names = sorted({file.name.removesuffix(".d") for file in (whole / systemd.UNITS).iterdir()})
        enable(whole, *(n for n in names if "\n[Install]\n" in systemd.text_of(whole, n)))
        for unit in (*names, "multi-user.target"):
            assert systemd.verify(whole, unit) == ""


def enable(root: Path, *units: str) -> None:
    subprocess.run(["systemctl", f"--root={root}", "--quiet", "enable", *units], check=True)
