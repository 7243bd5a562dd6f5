"""nft takes the rule that keeps pods off the metadata service, again and again."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from nodeseed.nodes.metadata import pods_kept_off
from nodeseed.platforms import PLATFORMS
from tests.conftest import design_of
from tests.nodes.test_metadata import dual_stack, on


@pytest.mark.parametrize("name", [row.name for row in PLATFORMS.values() if row.metadata])
@pytest.mark.parametrize("both", [False, True], ids=["ipv4", "dual-stack"])
def test_nft_takes_it_and_writes_it_once(name: str, both: bool) -> None:
    assert shutil.which("nft"), "nft is missing: tests/integration/install.sh"
    design = design_of(on(name))
    rule = pods_kept_off(dual_stack(design) if both else design)
    script = 'nft "$0" && nft "$0" && nft list ruleset'
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", script, rule], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    addresses = [one for one in PLATFORMS[name].metadata if both or ":" not in one]
    assert all(done.stdout.count(address) == 1 for address in addresses)
    assert done.stdout.count("type filter hook forward") == 1
