"""Staging to place: whole, newer only, ours only, whatever moment the power goes."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nodeseed.render.der import hexadecimal
from nodeseed.render.templates import render_file
from nodeseed_node.install import CONFIG as CONFIG_PATH
from nodeseed_node.install import RECORD, install
from tests.program.machines import CONFIG, FakeMachine

UNIT = "[Unit]\n[Install]\nWantedBy=nodeseed-node.target\n"


class PowerCut(BaseException):
    """The power goes: no handler of the program may see it coming."""


class CutMachine(FakeMachine):
    """A machine whose power goes at its nth change of the disk, before it or half-way in it."""

    def __init__(self, root: Path, left: int, torn: bool) -> None:
        super().__init__(root, "install")
        self.left = left
        self.torn = torn

    def write(self, name: str, data: str | bytes, mode: int = 0o644, durable: bool = True) -> None:
        if name.startswith("run/"):
            super().write(name, data, mode, durable)
            return
        if self.left == 0 and self.torn:
            path = self.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f".{path.name}.nodeseed").write_bytes(b"torn")
        self.tick()
        super().write(name, data, mode, durable)

    def remove(self, name: str) -> None:
        path = self.path(name)
        if self.left == 0 and self.torn and path.is_dir():
            first = min(f for f in path.rglob("*") if f.is_file())
            first.unlink()
        self.tick()
        super().remove(name)

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        self.tick()
        return super().run(*command, stdin=stdin)

    def tick(self) -> None:
        if self.left == 0:
            raise PowerCut
        self.left -= 1


def stage(
    root: Path, files: dict[str, str] | None = None, cluster: str = "prod", **changes: Any
) -> Path:
    """Put a tree where cloud-init puts it."""
    config = {**CONFIG, **changes}
    folder = root / f"var/lib/nodeseed/incoming/{config['clusterID']}-{config['revision']}"
    content = {
        "etc/kubernetes/pki/ca.crt": "CA",
        "etc/kubernetes/pki/apiserver.key": f"key of {config['revision']}",
        "etc/systemd/system/nodeseed-network.service": UNIT,
        "etc/systemd/system/kubelet.service.d/10-x.conf": "[Service]",
        "etc/systemd/system/nodeseed-node.target": "[Unit]\n",
        "etc/kubernetes/admin.conf": render_file(
            "partials",
            "/kubeconfig.yaml",
            {
                "cluster": cluster,
                "server": "https://10.0.0.11:6443",
                "user": "kubernetes-admin",
                "pair": "admin.conf",
            },
        ),
        "kubeconfig/admin.conf.crt": "CERT",
        "kubeconfig/admin.conf.key": f"KEY of {config['revision']}",
        **(files or {}),
    }
    digest = hashlib.sha256()
    for name, text in sorted(content.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600 if name.endswith((".key", ".conf")) else 0o644)
        digest.update(f"{name}{text}".encode())
    config.setdefault("tree", digest.hexdigest()[:32])
    (folder / "etc/nodeseed").mkdir(parents=True)
    (folder / CONFIG_PATH).write_text(json.dumps(config))
    return folder


def installed(root: Path, **changes: Any) -> FakeMachine:
    """A machine on which a revision is in place."""
    stage(root, **changes)
    m = FakeMachine(root, "install")
    assert install(m) == 0
    m.commands.clear()
    return m


def render_pem() -> dict[str, str]:
    """A certificate and its keys, as the generator writes them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    day = datetime(2026, 11, 20, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + timedelta(days=9))
    ).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    return {
        "CERTIFICATE": certificate.public_bytes(pem).decode(),
        "EC PRIVATE KEY": key.private_bytes(
            pem,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode(),
        "PUBLIC KEY": key.public_key()
        .public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    }


def content(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file that a step may have left, but for what lives in /run and /dev."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] not in ("run", "dev")
    }


def test_a_first_boot_places_all_and_starts_the_node(tmp_path: Path) -> None:
    tree = stage(tmp_path)
    m = FakeMachine(tmp_path, "install")
    assert install(m) == 0
    assert m.commands == [
        ("systemctl", "enable", "nodeseed-network.service"),
        ("systemctl", "--no-block", "try-restart", "containerd", "nodeseed-network.service"),
        ("systemctl", "start", "--no-block", "nodeseed-node.target"),
    ]
    assert not tree.exists()
    assert m.text("etc/kubernetes/pki/apiserver.key") == "key of 3"
    assert m.path("etc/kubernetes/pki/apiserver.key").stat().st_mode & 0o7777 == 0o600
    assert not m.path("kubeconfig").exists()
    assert m.config["revision"] == 3
    assert m.said == "revision 3 in place"


def test_a_kubeconfig_holds_its_credentials_and_is_private(tmp_path: Path) -> None:
    m = installed(tmp_path)
    path = m.path("etc/kubernetes/admin.conf")
    assert path.stat().st_mode & 0o7777 == 0o600

    def coded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    assert yaml.safe_load(path.read_text()) == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "prod",
                "cluster": {
                    "server": "https://10.0.0.11:6443",
                    "certificate-authority-data": coded("CA"),
                },
            }
        ],
        "users": [
            {
                "name": "kubernetes-admin",
                "user": {
                    "client-certificate-data": coded("CERT"),
                    "client-key-data": coded("KEY of 3"),
                },
            }
        ],
        "contexts": [
            {
                "name": "kubernetes-admin@prod",
                "context": {"cluster": "prod", "user": "kubernetes-admin"},
            }
        ],
        "current-context": "kubernetes-admin@prod",
    }


def test_keys_and_certificates_become_pem(tmp_path: Path) -> None:
    pem = render_pem()
    m = installed(
        tmp_path,
        files={
            "etc/kubernetes/pki/ca.crt": hexadecimal(pem["CERTIFICATE"]),
            "etc/kubernetes/pki/sa.key": hexadecimal(pem["EC PRIVATE KEY"]),
            "etc/kubernetes/pki/sa.pub": hexadecimal(pem["PUBLIC KEY"]),
        },
    )
    assert m.text("etc/kubernetes/pki/ca.crt") == pem["CERTIFICATE"]
    assert m.text("etc/kubernetes/pki/sa.key") == pem["EC PRIVATE KEY"]
    assert m.text("etc/kubernetes/pki/sa.pub") == pem["PUBLIC KEY"]
    kubeconfig = yaml.safe_load(m.text("etc/kubernetes/admin.conf"))
    embedded = kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
    assert base64.b64decode(embedded).decode() == pem["CERTIFICATE"]


@pytest.mark.parametrize("name", ["123", "0x1f", "true", "null", "on", "2026-11-24"])
def test_a_cluster_name_that_looks_like_something_else_stays_text(
    tmp_path: Path, name: str
) -> None:
    config = yaml.safe_load(installed(tmp_path, cluster=name).text("etc/kubernetes/admin.conf"))
    assert config["clusters"][0]["name"] == name
    assert config["contexts"][0]["context"]["cluster"] == name


def test_a_reboot_only_starts_the_node(tmp_path: Path) -> None:
    m = installed(tmp_path)
    before = content(tmp_path)
    assert install(m) == 0
    assert content(tmp_path) == before
    assert m.commands == [
        ("systemctl", "start", "--no-block", "nodeseed-node.target"),
    ]


def test_the_same_revision_again_changes_nothing(tmp_path: Path) -> None:
    m = installed(tmp_path)
    m.write("etc/kubernetes/pki/apiserver.key", "renewed by hand", 0o600)
    tree = stage(tmp_path)
    assert install(m) == 0
    assert m.text("etc/kubernetes/pki/apiserver.key") == "renewed by hand"
    assert not tree.exists()
    assert m.said == "revision 3 in place"


def test_an_older_revision_never_takes_a_node_back(tmp_path: Path) -> None:
    m = installed(tmp_path)
    tree = stage(tmp_path, revision=2)
    assert install(m) == 0
    assert m.text("etc/kubernetes/pki/apiserver.key") == "key of 3"
    assert not tree.exists()
    assert m.said == "revision 3 in place"


def test_a_newer_revision_replaces_removes_and_restarts(tmp_path: Path) -> None:
    m = installed(tmp_path, files={"etc/kubernetes/pki/ca.key": "no longer wanted"})
    m.write("etc/mine", "not placed by us")
    stage(tmp_path, revision=10)
    stage(tmp_path, revision=9)
    assert install(m) == 0
    assert m.text("etc/kubernetes/pki/apiserver.key") == "key of 10"
    assert not m.path("etc/kubernetes/pki/ca.key").exists()
    assert m.text("etc/mine")
    assert not list(m.path("var/lib/nodeseed/incoming").iterdir())
    restart = ("systemctl", "--no-block", "try-restart", "containerd", "nodeseed-network.service")
    assert restart in m.commands


@pytest.mark.parametrize("change", [{"node": "cp-2"}, {"clusterID": "bad"}], ids=str)
def test_the_tree_of_another_machine_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    m = installed(tmp_path)
    before = content(tmp_path / "etc")
    stage(tmp_path, revision=4, **change)
    assert install(m) == 0
    assert content(tmp_path / "etc") == before
    assert "refused" in m.said
    assert m.said.endswith("; revision 3 in place")


def test_a_tree_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    stage(tmp_path).rename(tmp_path / "var/lib/nodeseed/incoming/c0ffee-4")
    m = FakeMachine(tmp_path, "install")
    assert install(m) == 1
    assert "refused c0ffee-4" in m.said
    assert not m.path(RECORD).exists()


def test_two_identities_at_once_are_not_guessed_about(tmp_path: Path) -> None:
    stage(tmp_path)
    stage(tmp_path, node="cp-2", revision=4)
    m = FakeMachine(tmp_path, "install")
    assert install(m) == 1
    assert "refused user-data of several nodes" in m.said


def test_nothing_staged_is_said(tmp_path: Path) -> None:
    m = FakeMachine(tmp_path, "install")
    assert install(m) == 1
    assert m.said == "revision none in place"


@pytest.mark.parametrize("lost", ["etc/kubernetes/pki/ca.crt", CONFIG_PATH])
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_a_tree_that_cloud_init_did_not_finish_is_not_used(
    tmp_path: Path, lost: str, how: str
) -> None:
    path = stage(tmp_path) / lost
    path.unlink() if how == "absent" else path.write_text("")
    m = FakeMachine(tmp_path, "install")
    assert install(m) == 1
    assert "c0ffee-3 is incomplete" in m.said
    assert not m.path("etc/kubernetes").exists()


def test_a_unit_that_cannot_be_enabled_is_no_complete_revision(tmp_path: Path) -> None:
    stage(tmp_path)
    m = FakeMachine(tmp_path, "install", lambda c, _: (1, "no") if "enable" in c else (0, ""))
    with pytest.raises(OSError, match="no"):
        install(m)
    assert not m.path(RECORD).exists()


@pytest.mark.parametrize("torn", [False, True], ids=["before", "half-way"])
@pytest.mark.parametrize("upgrade", [False, True], ids=["first", "upgrade"])
def test_a_power_cut_at_any_change_is_completed_at_the_next_boot(
    tmp_path: Path, torn: bool, upgrade: bool
) -> None:
    def machine(name: str) -> Path:
        root = tmp_path / name
        if upgrade:
            installed(root, revision=2, files={"etc/gone": "gone"})
        stage(root)
        return root

    whole = machine("whole")
    assert install(FakeMachine(whole, "install")) == 0
    expected = content(whole)

    for left in range(1000):
        root = machine(f"cut-{left}")
        m = CutMachine(root, left, torn)
        try:
            install(m)
        except PowerCut:
            shutil.rmtree(root / "run", ignore_errors=True)
        else:
            break
        again = FakeMachine(root, "install")
        assert install(again) == 0
        assert {k: v for k, v in content(root).items() if k in expected} == expected
        assert set(content(root)) == set(expected)
        assert again.commands[-1][1:] == ("start", "--no-block", "nodeseed-node.target")
    assert left > 10
