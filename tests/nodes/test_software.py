"""The three ways of software onto a machine, and the operator's own fields of configurations."""

from __future__ import annotations

import json
from typing import Any

import yaml

from nodeseed.nodes.software import downloads, package_versions
from tests.conftest import Change, Workplace, design_of

SUMS = {"kubelet": "1" * 64, "kubeadm": "2" * 64, "kubectl": "3" * 64}
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n"


def binaries(*files: dict[str, Any], **fields: Any) -> Change:
    block = {"sha256": SUMS, "files": list(files), **fields}
    software = {"source": "binaries", "binaries": block}
    return lambda spec: spec["kubernetes"].update(software=software)


def packages(**fields: Any) -> Change:
    def change(spec: dict[str, Any]) -> None:
        block = {"key": KEY, **fields}
        spec["kubernetes"]["software"] = {"source": "packages", "packages": block}
        spec["etcd"] = {"run": "static-pod"}

    return change


def dedicated(spec: dict[str, Any]) -> None:
    spec["nodes"].append({"name": "etcd-1", "role": "etcd", "address": "10.0.0.31"})


def test_each_role_fetches_what_it_runs() -> None:
    design = design_of(binaries(url="https://mirror.example.com/k8s/"), dedicated)
    control_plane, worker, etcd = (design.machines[index] for index in (0, 3, 4))
    assert downloads(design, worker) == [
        {
            "url": "https://mirror.example.com/k8s/v1.37.2/bin/linux/amd64/kubelet",
            "sha256": "1" * 64,
            "path": "usr/local/bin/kubelet",
        }
    ]
    programs = [file["path"].rpartition("/")[2] for file in downloads(design, control_plane)]
    assert programs == ["kubelet", "kubeadm", "kubectl"]
    assert downloads(design, etcd) == []


def test_further_files_go_to_their_roles() -> None:
    etcd = {
        "url": "https://mirror.example.com/etcd.tar.gz",
        "sha256": "4" * 64,
        "path": "/usr/local/bin/etcd",
        "unpack": "etcd-v3.7.0-linux-amd64/etcd",
        "roles": ["control-plane"],
    }
    unit = {"url": "https://x.example.com/u", "sha256": "5" * 64, "path": "/etc/u", "mode": "0644"}
    design = design_of(binaries(etcd, unit))
    *_, first, second = downloads(design, design.machines[0])
    assert first == {
        "url": "https://mirror.example.com/etcd.tar.gz",
        "sha256": "4" * 64,
        "path": "usr/local/bin/etcd",
        "unpack": "etcd-v3.7.0-linux-amd64/etcd",
    }
    assert second["mode"] == "0644"
    names = [file["path"] for file in downloads(design, design.machines[3])]
    assert names == ["usr/local/bin/kubelet", "etc/u"]


def test_binaries_bring_the_unit_that_fetches_them(workplace: Workplace) -> None:
    workplace.write(binaries())
    workplace.render()
    tree = workplace.tree("worker-1")
    assert "node.py software" in tree["/etc/systemd/system/nodeseed-software.service"]
    assert '"software":' in tree["/usr/local/lib/nodeseed/node.py"]
    assert '"software": [' in tree["/etc/nodeseed/config.json"]


def test_packages_come_by_a_unit_of_ours_from_signed_repositories(workplace: Workplace) -> None:
    docker = {
        "name": "docker",
        "source": "deb [signed-by=$KEY_FILE] https://download.docker.com/linux/debian 13 stable",
        "key": KEY,
    }
    workplace.write(packages(containerd="containerd.io", repositories=[docker]))
    workplace.render()
    tree = workplace.tree("cp-1")
    lists = {path: text for path, text in tree.items() if path.startswith("/etc/apt/")}
    assert lists == {
        "/etc/apt/keyrings/docker.asc": KEY,
        "/etc/apt/keyrings/kubernetes.asc": KEY,
        "/etc/apt/sources.list.d/docker.list": "deb [signed-by=/etc/apt/keyrings/docker.asc] "
        "https://download.docker.com/linux/debian 13 stable\n",
        "/etc/apt/sources.list.d/kubernetes.list": "deb "
        "[signed-by=/etc/apt/keyrings/kubernetes.asc] "
        "https://pkgs.k8s.io/core:/stable:/v1.37/deb/ /\n",
    }
    configuration = json.loads(tree["/etc/nodeseed/config.json"])
    assert configuration["packages"] == {
        "kubelet": "1.37.2",
        "kubeadm": "1.37.2",
        "kubectl": "1.37.2",
        "containerd.io": "",
    }
    assert "software" not in configuration
    assert "node.py packages" in tree["/etc/systemd/system/nodeseed-software.service"]
    document = yaml.safe_load((workplace.out / "cp-1" / "user-data").read_text())
    assert not {"apt", "packages"} & document.keys()  # which cloud-init tries once


def test_a_load_balancer_on_the_control_planes_is_installed_there_alone() -> None:
    design = design_of(
        packages(),
        lambda spec: spec["endpoint"].update(provider="haproxy-keepalived", address="10.0.0.100"),
        lambda spec: spec["networking"].update(cni="bridge"),
    )
    control_plane, worker = design.machines[0], design.machines[3]
    assert package_versions(design, control_plane).keys() >= {"haproxy", "keepalived", "curl"}
    assert list(package_versions(design, worker)) == [
        "kubelet",
        "containerd",
        "kubernetes-cni",
        "nftables",
    ]


def test_a_baked_image_pays_no_byte(workplace: Workplace) -> None:
    workplace.render()
    document = yaml.safe_load((workplace.out / "cp-1" / "user-data").read_text())
    assert not {"apt", "packages"} & document.keys()
    assert document["runcmd"][0] == "systemctl daemon-reload"
    tree = workplace.tree("cp-1")
    assert not [path for path in tree if "software" in path]
    assert not [path for path in tree if path.startswith("/etc/apt")]
    assert "def software(" not in tree["/usr/local/lib/nodeseed/node.py"]


def test_fields_of_the_operator_reach_both_configurations(workplace: Workplace) -> None:
    deep = {"evictionHard": {"imagefs.available": "0%"}, "maxPods": 250, "registryBurst": 20}
    workplace.write(
        lambda spec: spec.update(
            kubelet={"configuration": {**deep, "cgroupDriver": "cgroupfs"}},
            proxy={"configuration": {"conntrack": {"min": 0}}},
        )
    )
    workplace.render()
    tree = workplace.tree("cp-1")
    kubelet = yaml.safe_load(tree["/var/lib/kubelet/config.yaml"])
    documents = list(yaml.safe_load_all(tree["/etc/kubernetes/kubeadm.yaml"]))
    shared = next(one for one in documents if one["kind"] == "KubeletConfiguration")
    proxy = next(one for one in documents if one["kind"] == "KubeProxyConfiguration")
    for found in (kubelet, shared):
        assert found.items() >= {**deep, "cgroupDriver": "cgroupfs"}.items()
        assert found["staticPodPath"] == "/etc/kubernetes/manifests"
    assert (proxy["mode"], proxy["conntrack"]) == ("nftables", {"min": 0})
    assert "SystemdCgroup = false" in tree["/etc/containerd/config.toml"]


def test_numbers_with_a_point_stay_numbers(workplace: Workplace) -> None:
    workplace.state.spec.write_bytes(
        workplace.state.spec.read_bytes()
        + b"kubelet: {configuration: {memoryThrottlingFactor: 0.7}}\n"
    )
    workplace.render()
    found = yaml.safe_load(workplace.tree("cp-1")["/var/lib/kubelet/config.yaml"])
    assert found["memoryThrottlingFactor"] == 0.7


def test_the_resolver_of_systemd_is_used_where_the_operator_names_none(
    workplace: Workplace,
) -> None:
    workplace.render()
    unit = workplace.tree("worker-1")["/etc/systemd/system/kubelet.service"]
    assert "/run/systemd/resolve/resolv.conf" in unit
    assert " $RESOLV\n" in unit
    workplace.write(lambda spec: spec.update(kubelet={"configuration": {"resolvConf": "/x"}}))
    workplace.render()
    assert "RESOLV" not in workplace.tree("worker-1")["/etc/systemd/system/kubelet.service"]
