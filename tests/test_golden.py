"""Golden clusters: a cluster file and, beside it, what the first node of each kind gets.

The on-node program is shown by its name only: it is tested as a program, and would drown the rest.
``make golden`` rewrites them, and still fails once, so that nobody updates by accident.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import pytest

from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import Chance, Choices, render_cluster
from nodeseed.pki.keys import generate_key
from tests.conftest import NOW, fixed_secret

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/cluster.yaml"))
UPDATE = bool(os.environ.get("NODESEED_UPDATE_GOLDEN"))


def _render(case: str, folder: Path) -> Path:
    spec = folder / "cluster.yaml"
    spec.write_bytes((GOLDEN / case / "cluster.yaml").read_bytes())
    state = ClusterState(spec, seed_variable=None)
    bundle = GOLDEN / case / "cluster.keys.json"
    if bundle.exists():
        state.bundle_path.write_bytes(bundle.read_bytes())
    chance = Chance(now=NOW, secret=fixed_secret, generate_key=generate_key)
    render_cluster(state, Choices(out=folder / "out"), chance)
    if UPDATE and state.bundle_path.exists():
        bundle.write_bytes(state.bundle_path.read_bytes())
    return folder


def _shown(folder: Path) -> dict[str, str]:
    """Lock, cluster-wide files, and the readable files of the first node of each kind."""
    shown = {"cluster.lock.json": (folder / "cluster.lock.json").read_text()}
    for name in ("terraform.tfvars.json", "pools.yaml", "publish.json", "publish-iam-policy.json"):
        if (folder / "out" / name).exists():
            shown[name] = (folder / "out" / name).read_text()
    kinds = set()
    for node in sorted(path for path in (folder / "out").iterdir() if path.is_dir()):
        kind = re.sub(r"-?\d+$", "", node.name)
        if kind in kinds:
            continue
        kinds.add(kind)
        readable = node / "user-data.yaml"
        text = readable if readable.exists() else node / "user-data"
        shown[f"{node.name}.user-data.yaml"] = text.read_text()
        for name in ("meta-data", "network-config", "iam-policy.json"):
            if (node / name).exists():
                shown[f"{node.name}.{name}"] = (node / name).read_text()
    program = re.compile(
        r"(  content: \|\n)    import [^\n]*\n(?s:.*?)(    sys\.exit\(run\([^\n]*\n)"
    )
    fingerprint = re.compile(r'"(rendering|digest)": "[0-9a-f]+"')
    tree = re.compile(r'"tree": "[0-9a-f]+"')
    payload = re.compile(
        r'(?<="sha256": ")[0-9a-f]{64}(?=",\s+"(?:names|service))|(?<=/1-)[0-9a-f]{32}'
    )
    return {
        name: program.sub(
            r"    (the on-node program)\n\2",
            tree.sub('"tree": "…"', payload.sub("…", fingerprint.sub(r'"\1": "…"', text))),
        )
        for name, text in shown.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_golden_cluster(case: str, tmp_path: Path) -> None:
    shown = _shown(_render(case, tmp_path))
    expected = GOLDEN / case / "expected"
    if UPDATE:
        expected.mkdir(exist_ok=True)
        for old in expected.iterdir():
            old.unlink()
        for name, text in shown.items():
            (expected / name).write_text(text)
        pytest.fail(f"tests/golden/{case}/expected was rewritten: read the diff, then run again")
    there = {path.name: path.read_text() for path in expected.iterdir()}
    for name in sorted(there.keys() | shown.keys()):
        diff = "\n".join(
            difflib.unified_diff(
                there.get(name, "").splitlines(),
                shown.get(name, "").splitlines(),
                f"expected/{name}",
                f"rendered/{name}",
                lineterm="",
            )
        )
        assert not diff, f"{diff}\n\nIf this is what you want: make golden"
