"""keepalived and nft read what LVS is told; that the kernel balances is tests/qemu's to prove."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.test_endpoint import V6

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]

MISSING = "keepalived or nft is missing: run tests/integration/install.sh, or install both."
ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
CONFIGURATION = "etc/keepalived/keepalived.conf"

# A network with an interface, and the file that the unit writes before keepalived starts.
SPACE = """
ip link add eth0 type veth peer name other
mount -t tmpfs tmpfs /run
mkdir /run/nodeseed
echo '$INTERFACE=eth0' >/run/nodeseed/interface.conf
exec "$@"
"""

CLUSTERS: dict[str, dict[str, Any]] = {
    "ipv4": {"endpoint": {"host": "10.0.0.100", "provider": "lvs-keepalived"}},
    "ipv6": {**V6, "endpoint": {"host": "fd00::100", "provider": "lvs-keepalived"}},
}


def within(*command: str) -> tuple[int, str]:
    done = subprocess.run(
        [*ROOT, "unshare", "--net", "--mount", "/bin/sh", "-ec", SPACE, "sh", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_keepalived_and_nft_find_nothing_wrong(
    render: Render, tmp_path: Path, cluster: str
) -> None:
    assert shutil.which("keepalived"), MISSING
    assert shutil.which("nft"), MISSING
    root = render(**CLUSTERS[cluster]).install("cp-1", tmp_path / "cp-1")
    assert within("keepalived", "-t", "-l", "-f", str(root / CONFIGURATION)) == (0, "")
    rules = str(root / "etc/nodeseed/lvs.nft")
    for _ in range(2):  # as often as keepalived is started
        assert within("nft", "-f", rules) == (0, "")


@pytest.mark.parametrize("wrong", ["lvs_sched none", "real_servers", "SSL_PUT"])
def test_keepalived_finds_what_is_wrong(render: Render, tmp_path: Path, wrong: str) -> None:
    assert shutil.which("keepalived"), MISSING
    root = render(**CLUSTERS["ipv4"]).install("cp-1", tmp_path / "cp-1")
    path = root / CONFIGURATION
    right = {"lvs_sched none": "lvs_sched wlc", "real_servers": "real_server", "SSL_PUT": "SSL_GET"}
    text = re.sub(rf"{right[wrong]}\b", wrong, path.read_text())
    path.write_text(text)
    assert within("keepalived", "-t", "-l", "-f", str(path)) != (0, "")
