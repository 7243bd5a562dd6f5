"""Rendering as a whole: a function of spec, seed and lock, that never leaves anything half-done."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodeseed.errors import OutputError, PayloadTooLarge, SeedError
from nodeseed.outputs.cluster_state import ClusterState
from tests.conftest import NOW, Workplace
from tests.nodes.changes import WORKER, add, drop

MEMBERS = [
    {"name": f"cp-{number}", "role": "control-plane", "address": f"10.0.0.1{number}"}
    for number in (4, 5)
]


def of(files: dict[str, bytes], node: str) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.startswith(f"{node}/")}


def test_a_second_run_changes_no_byte_and_says_so(workplace: Workplace) -> None:
    first = workplace.render()
    files, lock = workplace.files(), workplace.state.lock_path.read_bytes()
    assert first.written == len(files)
    again = workplace.render(NOW + timedelta(days=30))
    assert (again.written, again.removed, again.changed) == (0, 0, [])
    assert workplace.files() == files
    assert workplace.state.lock_path.read_bytes() == lock


def test_another_process_with_another_hash_seed_gives_the_same_bytes(
    workplace: Workplace, tmp_path: Path
) -> None:
    workplace.render()
    elsewhere = tmp_path / "elsewhere"
    command = [sys.executable, "-m", "nodeseed", "render", str(workplace.state.spec)]
    subprocess.run(
        [*command, "--out", str(elsewhere), "--locked"],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
    )
    there = {p.relative_to(elsewhere).as_posix(): p.read_bytes() for p in elsewhere.rglob("*/*")}
    assert there == {name: data for name, data in workplace.files().items() if "/" in name}


def test_keys_of_the_file_in_another_order_give_the_same_bytes(workplace: Workplace) -> None:
    workplace.render()
    files = workplace.files()
    spec = workplace.state.spec
    blocks = yaml.safe_load(spec.read_text())
    spec.write_text(json.dumps(dict(reversed(blocks.items()))))
    assert workplace.render().written == 0
    assert workplace.files() == files


def test_a_new_worker_changes_no_byte_of_any_other_node(workplace: Workplace) -> None:
    workplace.render()
    before = workplace.files()
    workplace.write(add(WORKER))
    report = workplace.render(NOW + timedelta(days=400))
    assert report.changed == ["worker-2"]
    after = workplace.files()
    for node in ("cp-1", "cp-2", "cp-3", "worker-1"):
        assert of(after, node) == of(before, node)


def test_a_new_etcd_member_changes_only_what_it_must_and_closes_the_window(
    workplace: Workplace,
) -> None:
    workplace.render()
    before = {node: workplace.tree(node) for node in ("cp-1", "worker-1")}
    workplace.write(add(*MEMBERS))
    report = workplace.render()
    assert set(report.changed) == {"cp-1", "cp-2", "cp-3", "cp-4", "cp-5"}
    assert report.lock.bootstrap.until is None
    assert report.lock.bootstrap.membershipRevision == 2
    assert any("closed the bootstrap window" in note for note in report.notes)
    assert workplace.tree("worker-1") == before["worker-1"]
    changed = {p for p, text in workplace.tree("cp-1").items() if before["cp-1"].get(p) != text}
    assert changed == {"/etc/etcd.env", "/etc/kubernetes/kubeadm.yaml", "/etc/nodeseed/config.json"}


def test_files_of_removed_nodes_go_and_foreign_files_stay(workplace: Workplace) -> None:
    workplace.render()
    (workplace.out / "worker-1" / "mine.txt").write_text("keep")
    (workplace.out / "notes.txt").write_text("keep")
    workplace.write(drop("nodes.3"))
    report = workplace.render()
    assert report.removed == 2
    assert [p.name for p in (workplace.out / "worker-1").iterdir()] == ["mine.txt"]
    assert (workplace.out / "notes.txt").exists()


def test_a_name_that_comes_back_gets_new_keys(workplace: Workplace) -> None:
    workplace.render()
    old = workplace.tree("worker-1")
    workplace.write(drop("nodes.3"))
    assert workplace.render().lock.tombstones == {"worker-1": 1}
    workplace.write()
    report = workplace.render()
    assert report.lock.nodes["worker-1"].generation == 2
    assert report.lock.tombstones == {}
    new = workplace.tree("worker-1")
    for path in old:
        if path.endswith(".key"):
            assert old[path] != new[path]


def test_revisions_rise_for_the_nodes_that_change_only(workplace: Workplace) -> None:
    workplace.render()
    workplace.write(lambda spec: spec["nodes"][3].update(labels={"a": "b"}))
    lock = workplace.render().lock
    assert lock.revision == 2
    assert {name: record.nodeRevision for name, record in lock.nodes.items()} == {
        "cp-1": 1,
        "cp-2": 1,
        "cp-3": 1,
        "worker-1": 2,
    }
    assert lock.clusterRevision == 1
    workplace.write(lambda spec: spec.update(apiServer={"certSANs": ["x.example.com"]}))
    assert workplace.render().lock.clusterRevision == 3


def test_a_change_of_names_changes_no_date(workplace: Workplace) -> None:
    first = workplace.render().lock
    workplace.write(lambda spec: spec.update(apiServer={"certSANs": ["x.example.com"]}))
    assert workplace.render(NOW + timedelta(days=100)).lock.issues == first.issues


def test_nothing_secret_is_in_lock_or_terraform_variables(workplace: Workplace) -> None:
    workplace.render()
    public = (
        workplace.state.lock_path.read_text()
        + (workplace.out / "terraform.tfvars.json").read_text()
    )
    seed = workplace.state.seed_path.read_text().strip()
    assert seed not in public
    for node in ("cp-1", "worker-1"):
        for path, content in workplace.tree(node).items():
            if path.endswith((".key", ".crt")):
                for line in content.splitlines()[1:-1]:
                    assert line not in public
    token = [x for x in workplace.tree("cp-1")["/etc/etcd.env"].splitlines() if "TOKEN" in x]
    assert token[0].partition("=")[2] not in public


def test_a_seed_cannot_be_guessed_from_a_digest(workplace: Workplace) -> None:
    """Two clusters that differ in nothing but the seed have the same digests."""
    one = workplace.render().lock
    for path in (workplace.state.seed_path, workplace.state.lock_path):
        path.unlink()
    workplace.state.save_seed(bytes(32))
    other = workplace.render(first=True).lock
    assert one.seed != other.seed
    assert {n: r.digest for n, r in one.nodes.items()} == {
        n: r.digest for n, r in other.nodes.items()
    }


def test_everything_written_is_private_but_the_lock(workplace: Workplace) -> None:
    workplace.render()
    for path in (workplace.state.seed_path, *workplace.out.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(workplace.state.lock_path.stat().st_mode) == 0o644


def test_a_ca_keeps_the_lifetime_that_it_was_given(workplace: Workplace) -> None:
    workplace.render()
    before = workplace.tree("cp-1")
    workplace.write(lambda spec: spec.update(pki={"classes": {"ca": {"lifetime": "9000d"}}}))
    workplace.render()
    after = workplace.tree("cp-1")
    assert [p for p in before if p.endswith((".crt", ".key")) and after[p] != before[p]] == []


def test_soon_expiring_certificates_are_warned_of(workplace: Workplace) -> None:
    workplace.render()
    report = workplace.render(NOW + timedelta(days=900))
    assert any("expires in" in note for note in report.notes)


def test_a_folder_of_somebody_else_is_not_touched(workplace: Workplace) -> None:
    workplace.out.mkdir()
    (workplace.out / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="holds files that are not nodeseed's"):
        workplace.render()
    assert [p.name for p in workplace.out.iterdir()] == ["thesis.txt"]
    assert not workplace.state.seed_path.exists()


def test_the_folder_of_another_cluster_is_not_touched(workplace: Workplace) -> None:
    workplace.out.mkdir()
    (workplace.out / ".nodeseed").write_text("prod\n")
    with pytest.raises(OutputError, match="holds the output of cluster prod"):
        workplace.render()


def test_too_large_a_payload_is_refused_with_its_parts(workplace: Workplace) -> None:
    noise = "\n".join(hashlib.sha512(str(n).encode()).hexdigest() for n in range(300))

    def large(spec: dict[str, Any]) -> None:
        spec["platform"] = {"name": "hetzner"}
        spec["files"] = [{"path": "/opt/noise", "content": noise}]

    workplace.write(large)
    with pytest.raises(PayloadTooLarge) as refused:
        workplace.render()
    said = str(refused.value)
    assert "4 user-data over the limit of Hetzner Cloud, 32,768 bytes" in said
    assert "bytes  files:" in said
    assert "keys and certificates" in said
    assert not workplace.state.seed_path.exists()
    assert not workplace.out.exists()


def test_a_cut_before_the_output_is_completed_by_the_next_run(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(self: ClusterState, lock: object) -> None:
        raise OutputError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(ClusterState, "save_lock", cut)
        with pytest.raises(OutputError):
            workplace.render()
    assert not workplace.out.exists()
    assert not list(workplace.folder.glob(".out*"))
    workplace.render(first=True)
    assert (workplace.out / "cp-1" / "user-data").exists()


def test_stored_keys_are_made_once_and_open_only_with_their_seed(workplace: Workplace) -> None:
    classes = {"ca": {"algorithm": "RSA-2048"}, "peer": {"algorithm": "ECDSA-P384"}}
    workplace.write(lambda spec: spec.update(pki={"keys": "stored", "classes": classes}))
    workplace.render()
    bundle = workplace.state.bundle_path.read_bytes()
    assert b"PRIVATE KEY" not in bundle
    files = workplace.files()
    assert workplace.render().written == 0
    assert workplace.state.bundle_path.read_bytes() == bundle
    assert workplace.files() == files
    damaged = json.loads(bundle)
    damaged["sealed"] = damaged["sealed"][:-8] + "AAAAAAA="
    workplace.state.bundle_path.write_text(json.dumps(damaged))
    with pytest.raises(SeedError, match="does not open with this seed"):
        workplace.render()


def test_a_manifest_cannot_ask_for_a_key(workplace: Workplace) -> None:
    (workplace.folder / "evil.yaml").write_text("data: \ue000key:ca\ue001\n")
    workplace.write(lambda spec: spec.update(manifests=["evil.yaml"]))
    with pytest.raises(Exception, match="reserved character"):
        workplace.render()
