"""Machines without kubeadm and kubectl, their files at /srv/kubernetes, and a static token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nodeseed.nodes.tokens import TOKEN_FILE
from nodeseed_lab.lab import Lab
from tests.e2e.boots import settled, spec_changed, steps_done
from tests.e2e.conftest import Ground, derived
from tests.e2e.workload import Workload, items
from tests.mice import MICE

FOLDER = "/srv/kubernetes"
BARE = "nodeseed-lab/without-kubeadm:e2e"
WITHOUT = """
RUN cd /usr/local/bin && rm -f kubeadm kubectl && ! command -v kubeadm && ! command -v kubectl
"""
PODS = "/api/v1/namespaces/default/pods"
GROUP = "example.com:readers"
# A kind that the cluster learns from the same file, its object, and rights for a token's group.
MANIFEST = (
    MICE
    + """---
apiVersion: v1
kind: List
items:
- apiVersion: example.com/v1
  kind: Mouse
  metadata: {name: jerry}
  spec: {born: 1940-02-10, at: "on"}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRoleBinding
  metadata: {name: "example:readers"}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
  subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "example.com:readers"}]
"""
)


@pytest.fixture(scope="module")
def bare_image(image: str) -> Iterator[str]:
    """The node image without the programs for which there is no use."""
    with derived(image, BARE, WITHOUT) as tag:
        yield tag


@pytest.fixture(scope="module")
def cluster(ground: Ground, bare_image: str, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Three control planes and one worker, Ready."""
    manifest = tmp_path_factory.mktemp("manifests") / "mice.yaml"
    manifest.write_text(MANIFEST)

    def rendered(spec: dict[str, Any]) -> None:
        del spec["nodes"][4]
        spec["controlPlane"] = {"manifests": "rendered"}
        spec["pki"] = {"directory": FOLDER}
        spec["apiServer"] = {"tokens": [{"user": "reader", "groups": [GROUP]}]}
        spec["manifests"] = [str(manifest)]

    lab = ground.prepare("e2e-rendered", 16, rendered, bare_image)
    lab.boot()
    lab.wait_ready()
    steps_done(lab, *lab.machines)
    return lab


def tokens(lab: Lab) -> list[str]:
    """The operator's copies."""
    return [line.split(",")[0] for line in (lab.out / TOKEN_FILE).read_text().splitlines()]


def status(lab: Lab, url: str, path: str, token: str) -> str:
    """What the API says to somebody with a token who asks from the worker."""
    return lab.machines["worker-1"].run(
        *("curl", "--silent", "--cacert", f"{FOLDER}/ca.crt", "--output", "/dev/null"),
        *("--write-out", "%{http_code}", "--header", f"Authorization: Bearer {token}"),
        url + path,
    )


def assert_powerless(lab: Lab, node: str) -> None:
    """No credentials of an administrator are left on a control plane."""
    machine = lab.machines[node]
    assert machine.run("stat", "--format=%s", f"{FOLDER}/cluster-admin.key").strip() == "0"
    found = machine.run("ls", "/etc/kubernetes").split()
    assert not {"admin.conf", "super-admin.conf", "kubeadm.yaml"} & set(found)


def test_the_cluster_works(workload: Workload) -> None:
    assert workload.client("dns", "web")
    assert workload.answers(20) == workload.names()
    for machine in workload.lab.machines.values():
        assert machine.exec("which", "kubeadm", "kubectl")[0] != 0


def test_keys_and_certificates_lie_where_the_cluster_file_says(cluster: Lab) -> None:
    for machine in cluster.machines.values():
        assert machine.exec("test", "-e", "/etc/kubernetes/pki")[0] != 0
        assert "ca.crt" in machine.run("ls", FOLDER)


def test_control_planes_are_labelled_and_keep_no_power(cluster: Lab) -> None:
    control_planes = {machine.name for machine in cluster.design.control_planes}
    labelled = items(cluster, "nodes", "--selector=node-role.kubernetes.io/control-plane")
    assert {node["metadata"]["name"] for node in labelled} == control_planes
    for name in control_planes:
        assert_powerless(cluster, name)


def test_the_objects_of_the_operator_are_there(cluster: Lab) -> None:
    (mouse,) = items(cluster, "mice.example.com", "--namespace=default")
    assert mouse["spec"] == {"born": "1940-02-10", "at": "on"}


def test_a_static_token_works_through_the_load_balancer_and_only_as_far_as_it_should(
    cluster: Lab,
) -> None:
    (token,) = tokens(cluster)
    url = cluster.design.endpoint_url
    assert status(cluster, url, PODS, token) == "200"
    assert status(cluster, url, PODS.replace("pods", "secrets"), token) == "403"
    assert status(cluster, url, PODS, token[:-1]) == "401"


def test_a_reboot_takes_nothing_back(cluster: Lab) -> None:
    cluster.kubectl("scale", "--namespace=kube-system", "deployment/coredns", "--replicas=3")
    machine = cluster.machines["cp-1"]
    manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    before = machine.read(manifest)
    machine.stop()
    machine.start()
    settled(cluster, "cp-1")
    assert machine.read(manifest) == before
    (coredns,) = items(cluster, "deployments", "-A", "--selector=k8s-app=kube-dns")
    assert coredns["spec"]["replicas"] == 3
    mark = cluster.api.get("/api/v1/namespaces/kube-system/configmaps/nodeseed")
    assert mark["data"]["version"] == cluster.design.cluster.kubernetes.version
    assert "node marked" in machine.steps()["cluster-rendered"]


def test_a_token_of_a_new_generation_takes_the_place_of_the_old_one(cluster: Lab) -> None:
    (old,) = tokens(cluster)

    def replaced(spec: dict[str, Any]) -> None:
        spec["apiServer"]["tokens"][0]["generation"] = 2

    machine = cluster.machines["cp-2"]
    with spec_changed(cluster, replaced):
        cluster.render()
        machine.stop()
        machine.start()
        settled(cluster, "cp-2")
        (new,) = tokens(cluster)
        own = cluster.design.local_api(cluster.design.control_planes[1])
        assert [status(cluster, own, PODS, token) for token in (old, new)] == ["401", "200"]
        assert_powerless(cluster, "cp-2")
