"""Our own manifests against the real kubeadm's: every difference is explained, and none in vain."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from nodeseed_lab.programs import program
from tests.integration.differences import DIFFERENCES
from tests.integration.test_kubeadm import KUBEADM, VARIANTS, paths_exist, validate

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]
Difference = tuple[str, Any, Any]

ALL: dict[str, dict[str, Any]] = {
    **VARIANTS,
    "dns": {
        "dns": {
            "replicas": 6,
            "limits": {"cpu": "100m", "memory": "512Mi"},
            "requests": {"cpu": "70m", "memory": "70Mi"},
            "zones": {"example.com": ["192.0.2.53"]},
        }
    },
    "large": {
        "size": "large",
        "scheduler": {"leaderElection": {"leaseDuration": "30s", "renewDeadline": "20s"}},
        "proxy": {"mode": "iptables", "configuration": {"clientConnection": {"qps": 50}}},
    },
}
CASES = [
    *((kubernetes, variant) for kubernetes in KUBEADM for variant in ("plain", "arguments")),
    *(("1.37.0", variant) for variant in ALL if variant not in ("plain", "arguments")),
]
RENDERED = {"controlPlane": {"manifests": "rendered"}}
PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
# Where distributions keep CA certificates (cmd/kubeadm/app/phases/controlplane/volumes.go).
CA_FOLDERS = (
    "etc/pki/ca-trust",
    "etc/pki/tls/certs",
    "etc/ca-certificates",
    "usr/share/ca-certificates",
    "usr/local/share/ca-certificates",
)
EMPTY = (None, "", 0, "0", "0s", False)  # kube-proxy's configuration shows all that was left out


def kubeadm(kubernetes: str, root: Path, *phase: str) -> str:
    """What a phase prints."""
    as_root = () if os.geteuid() == 0 else ("unshare", "--map-root-user")  # --rootfs is a chroot
    where = ("--config", "/etc/kubernetes/kubeadm.yaml", "--rootfs", str(root))
    command = (*as_root, program(KUBEADM[kubernetes]), "init", "phase", *phase, *where)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def theirs(kubernetes: str, root: Path) -> Iterator[Any]:
    """What kubeadm would create for a cluster."""
    for name in CA_FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    kubeadm(kubernetes, root, "control-plane", "all")
    for name in PODS:
        yield yaml.safe_load((root / f"etc/kubernetes/manifests/{name}.yaml").read_text())
    for name in ("kube-proxy", "coredns"):
        said = kubeadm(kubernetes, root, "addon", name, "--print-manifest")
        text = re.sub(r"(?m)^\[patches\].*\n", "", said).replace("---apiVersion", "---\napiVersion")
        yield from yaml.safe_load_all(text)
    for name in ("coredns", "coredns-replicas"):  # what the cluster file says of DNS
        path = root / f"etc/nodeseed/{name}.yaml"
        if path.exists():
            yield yaml.safe_load(path.read_text())


def ours(root: Path) -> Iterator[Any]:
    """What our own way puts on a node."""
    for name in PODS:
        yield yaml.safe_load((root / f"etc/nodeseed/control-plane/{name}.yaml").read_text())
    yield from yaml.safe_load((root / "etc/nodeseed/add-ons.yaml").read_text())


def flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value of an object by its path."""
    if path.endswith(".command"):
        value = {flag: rest for flag, _, rest in (word.partition("=") for word in value)}
    elif path.endswith((".kubeconfig.conf", ".config.conf")):
        value = yaml.safe_load(value)
    if isinstance(value, list):
        named = all(isinstance(item, dict) and "name" in item for item in value)
        value = {str(item["name"] if named else at): item for at, item in enumerate(value)}
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item, f"{path}.{key}")
    elif value is not None and not (".config.conf." in path and value in EMPTY):
        yield path, value


def fields(objects: Iterator[Any]) -> dict[str, Any]:
    """Every value of all objects by its path."""
    return {
        path: value
        for item in objects
        for path, value in flat(item, f"{item['kind']}/{item['metadata']['name']}")
        if not path.endswith((".kind", ".apiVersion")) or ".data." in path
    }


def differences(kubernetes: str, variant: str, render: Render, folder: Path) -> list[Difference]:
    """Where the two ways differ, with kubeadm's value and ours."""
    roots = []
    for name, way in (("kubeadm", {}), ("rendered", RENDERED)):
        cluster = render(kubernetes={"version": kubernetes}, **ALL[variant], **way)
        roots.append(cluster.install("cp-1", folder / name))
    for name in PODS:
        pod = roots[1] / f"etc/nodeseed/control-plane/{name}.yaml"
        validate(pod, kubernetes)
        paths_exist(pod, roots[1])
    one, other = fields(theirs(kubernetes, roots[0])), fields(ours(roots[1]))
    return [
        (path, one.get(path), other.get(path))
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path)
    ]


def test_every_difference_from_kubeadm_is_explained_and_no_explanation_is_in_vain(
    render: Render, tmp_path: Path
) -> None:
    unexplained, needed = [], set()
    for kubernetes, variant in CASES:
        folder = tmp_path / f"{kubernetes}-{variant}"
        for difference in differences(kubernetes, variant, render, folder):
            why = [path for path in DIFFERENCES if fnmatch.fnmatch(difference[0], path)]
            needed.update(why)
            if not why:
                unexplained.append((kubernetes, variant, *difference))
    assert unexplained == []
    assert set(DIFFERENCES) - needed == set()
