"""Machines whose image has neither Kubernetes nor containerd get them by apt, however late."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeseed.outputs.packer import root
from nodeseed_lab.lab import Lab
from nodeseed_lab.programs import program
from tests.e2e.apt_repository import Package, build
from tests.e2e.conftest import Ground, derived
from tests.e2e.mirror import PORT, served
from tests.e2e.workload import Workload, eventually

RELEASE = "1.37.2-1.1"
NEWER = "1.37.3-1.1"  # which is not the one that was asked for
BARE = "nodeseed-lab/without-packages:e2e"
WITHOUT = """
RUN cd /usr/local/bin && rm -f kubernetes kubelet kubeadm kubectl containerd* ctr \
 && rm -f /etc/systemd/system/containerd.service /etc/systemd/system/*/containerd.service \
 && rm -f /etc/apt/sources.list /opt/cni/bin && mkdir /opt/cni/bin
"""
UNIT = (root() / "files/etc/systemd/system/containerd.service").read_text()

# As pkgs.k8s.io has them (kubernetes/release cmd/krel/templates/latest), and as Debian starts a
# service. The kubelet's package brings a unit and a configuration that are not to win.
PACKAGES = [
    Package(
        name="kubelet",
        version=RELEASE,
        depends="kubernetes-cni",
        programs={"kubelet": program("kubelet-1.37")},
        files={
            "usr/lib/systemd/system/kubelet.service": "[Service]\nExecStart=/usr/bin/kubelet\n",
            "etc/default/kubelet": "KUBELET_EXTRA_ARGS=\n",
            "etc/kubernetes/manifests/.kubelet-keep": "",
        },
        configuration=("etc/default/kubelet",),
        postinst="systemctl --no-reload preset kubelet.service || true\n",
    ),
    Package(
        name="kubeadm",
        version=RELEASE,
        depends="kubelet, kubectl, cri-tools",
        links={"kubeadm": "kubelet"},
        files={
            "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf": "[Service]\nExecStart=\n"
            "ExecStart=/usr/bin/kubelet --kubeconfig=/nowhere\n"
        },
    ),
    Package(name="kubectl", version=RELEASE, depends="kubelet", links={"kubectl": "kubelet"}),
    Package(name="kubelet", version=NEWER),
    Package(name="cri-tools", version="1.37.0-1.1"),
    Package(
        name="kubernetes-cni",
        version="1.8.0-1.1",
        postinst="cp /usr/lib/cni/* /opt/cni/bin/\n",
    ),
    Package(
        name="containerd",
        version="2.3.5-1",
        programs={name: program(name) for name in ("containerd", "containerd-shim-runc-v2", "ctr")},
        files={
            "usr/lib/systemd/system/containerd.service": UNIT.replace("/usr/local/", "/usr/"),
            "etc/containerd/config.toml": "version = 3\n",
        },
        configuration=("etc/containerd/config.toml",),
        postinst="deb-systemd-helper enable containerd.service >/dev/null\n"
        "systemctl daemon-reload\ndeb-systemd-invoke start containerd.service\n",
    ),
]


@pytest.fixture(scope="module")
def bare_image(image: str) -> Iterator[str]:
    """The node image without what the repository has, and without any other repository."""
    with derived(image, BARE, WITHOUT) as tag:
        yield tag


@pytest.fixture(scope="module")
def cluster(ground: Ground, bare_image: str, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One control plane and one worker, Ready."""
    folder: Path = tmp_path_factory.mktemp("repository")
    key = build(folder / "v1.37/deb", PACKAGES)

    def packages(spec: dict[str, Any]) -> None:
        spec["nodes"] = [node for node in spec["nodes"] if node["name"] in ("cp-1", "worker-1")]
        gateway = spec["networking"]["nodeSubnet"].replace(".0/24", ".1")
        spec["etcd"] = {"run": "static-pod"}
        spec["kubernetes"]["software"] = {
            "source": "packages",
            "packages": {"url": f"http://{gateway}:{PORT}", "key": key},
        }

    lab = ground.prepare("e2e-packages", 14, packages, bare_image)
    lab.boot()
    subnets = lab.design.cluster.networking.nodeSubnet
    assert subnets
    for machine in lab.machines.values():
        eventually(
            f"{machine.node} waits for the repository",
            lambda m=machine: "Failed to fetch" in m.steps().get("packages", ""),
        )
    with served(folder, str(subnets[0][1])):
        lab.wait_ready()
    return lab


def test_the_cluster_works_with_packages(workload: Workload) -> None:
    assert workload.client("dns", "web")
    assert workload.client("get", "http://web/")


def test_the_packages_are_those_that_were_asked_for_and_held(cluster: Lab) -> None:
    for node, held in (("cp-1", "kubeadm\nkubectl\nkubelet"), ("worker-1", "kubelet")):
        machine = cluster.machines[node]
        assert machine.run("dpkg-query", "-Wf", "${Version}", "kubelet") == RELEASE
        assert machine.run("apt-mark", "showhold").strip() == held
        assert machine.steps()["packages"].endswith("packages in place")
    assert cluster.machines["worker-1"].exec("which", "kubeadm")[0] != 0


def test_the_packages_own_units_and_configuration_do_not_win(cluster: Lab) -> None:
    for machine in cluster.machines.values():
        unit = machine.run("systemctl", "show", "--property=ExecStart", "kubelet")
        assert "/etc/kubernetes/kubelet.conf" in unit
        assert "SystemdCgroup" in machine.run("cat", "/etc/containerd/config.toml")
