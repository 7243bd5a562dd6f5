"""An encrypted payload, opened by age itself, as the fetch step calls it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodeseed.render.delivery import STUB
from nodeseed_node import fetch as step
from nodeseed_node.fetch_age import fetch_age
from nodeseed_node.machine import Machine
from tests.integration import test_cloud_init as cloud_init
from tests.integration.conftest import Rendered
from tests.program.metadata import Metadata, served

Render = Callable[..., Rendered]


class Node(Machine):
    """A machine in a folder, with this one's programs but for systemd."""

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        return (0, "") if command[0] == "systemctl" else super().run(*command, stdin=stdin)

    def sleep(self, seconds: float) -> None:
        raise TimeoutError(self.load("run/nodeseed/status.json")[self.step])


@pytest.fixture
def identities(tmp_path: Path) -> dict[str, Path]:
    assert shutil.which("age-keygen"), "age is missing: tests/integration/install.sh"
    files = {name: tmp_path / f"{name}.key" for name in ("ours", "theirs")}
    for file in files.values():
        subprocess.run(["age-keygen", "-o", file], check=True, capture_output=True)
    return files


def recipient(file: Path) -> str:
    done = subprocess.run(["age-keygen", "-y", file], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_machine_opens_what_was_encrypted_for_it_and_no_other_does(
    render: Render,
    tmp_path: Path,
    identities: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.umask(0o022)
    rendered = render(
        nodes=cloud_init.NODES,
        **cloud_init.BLOCKS,
        platform={"name": "aws", "region": "eu-central-1"},
        transport={
            "name": "s3",
            "bucket": "payloads",
            "age": {"recipients": [recipient(identities["ours"])]},
        },
    )
    node = rendered.nodes[0]
    payload = (rendered.out / node / "payload").read_bytes()
    m = Node(str(tmp_path / "root"), "fetch-age")
    for file in yaml.safe_load(rendered.readable(node).read_bytes())["write_files"]:
        m.write(file["path"][1:], file["content"], int(file["permissions"], 8))
    with (
        served(Metadata().handle) as imds,
        served(lambda *_: (200, {}, payload)) as store,
    ):
        monkeypatch.setattr(step, "METADATA", f"{imds}/latest/")
        stub: dict[str, Any] = m.load(STUB[1:])
        assert stub["sha256"] == hashlib.sha256(payload).hexdigest()
        m.write(STUB[1:], json.dumps({**stub, "url": f"{store}/x"}))
        with pytest.raises(TimeoutError, match=r"cannot open the payload: .*age.key.*no such file"):
            fetch_age(m)
        m.write("etc/nodeseed/age.key", identities["theirs"].read_text(), 0o600)
        with pytest.raises(TimeoutError, match=r"cannot open the payload: .*no identity matched"):
            fetch_age(m)
        m.write("etc/nodeseed/age.key", identities["ours"].read_text(), 0o600)
        assert fetch_age(m) == 0
    tree = m.path(stub["staging"])
    assert json.loads((tree / "etc/nodeseed/config.json").read_text())["node"] == node
    assert "PRIVATE KEY" in (tree / "etc/kubernetes/pki/apiserver.key").read_text()
    assert not list(m.path("run/nodeseed").glob("payload*"))
