"""What breaks is survived, and nothing that was done goes back: the cluster is as it was, later."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nodeseed_lab.api import Unreachable
from nodeseed_lab.lab import Lab
from tests.e2e import boots, faults
from tests.e2e.workload import PROBE, Workload, eventually, items, ready
from tests.e2e.writes import GOAL, Writes

MANIFESTS = "/etc/kubernetes/manifests"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
SYSTEM = "/api/v1/namespaces/kube-system/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
INSTALLED = "/var/lib/nodeseed/installed.json"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
IMAGE = "registry.k8s.io/kube-scheduler"


def holder(lab: Lab, component: str) -> str:
    """The node whose instance of a component leads."""
    lease = lab.api.get(f"{LEASES}/{component}")
    return str(lease["spec"]["holderIdentity"]).partition("_")[0]


class Writer:
    """Writes one object after the other through the API, and keeps what was acknowledged."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.acknowledged: list[str] = []

    def _write(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            metadata = {"name": f"write-{number}", "labels": {"test": "writes"}}
            try:
                self._lab.api.create(CONFIGMAPS, {"metadata": metadata})
            except Unreachable:
                continue
            self.acknowledged.append(metadata["name"])
            self._stop.wait(0.05)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize("component", ["kube-controller-manager", "kube-scheduler"])
def test_another_leads_when_the_leader_is_killed_and_work_goes_on(
    cluster: Lab, component: str, record_property: Callable[[str, object], None]
) -> None:
    leader = holder(cluster, component)
    machine = cluster.machines[leader]

    # killed before its manifest goes, so that it cannot hand its Lease over
    machine.run("sh", "-c", f"pkill -KILL -f ^{component} && mv {MANIFESTS}/{component}.yaml /root")
    try:
        seconds = eventually(
            "another leads", lambda: holder(cluster, component) not in ("", leader), 60, pause=0.1
        )
        # made by the new controller-manager, placed by the new scheduler
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(sleeper(component)))
        work = eventually(
            "a new Deployment has its pod",
            lambda: [ready(p) for p in items(cluster, "pods", f"-l=app={component}")] == [True],
        )
    finally:
        machine.run("mv", f"/root/{component}.yaml", MANIFESTS)

    record_property("seconds until another leads", round(seconds, 1))
    record_property("seconds until a new Deployment has its pod", round(work, 1))
    assert seconds < 20
    lease = cluster.api.get(f"{LEASES}/{component}")["spec"]
    assert lease["leaseDurationSeconds"] == 10  # as the cluster file says
    cluster.kubectl("delete", "deployment", component, "--wait=false")
    boots.settled(cluster, leader)


def sleeper(name: str) -> dict[str, object]:
    """A Deployment of one pod that does nothing."""
    labels = {"app": name}
    container = {**PROBE, "name": "sleep", "args": ["sleep"]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def test_the_api_stays_usable_when_the_control_plane_that_holds_its_address_dies(
    cluster: Lab,
) -> None:
    dead = faults.holder(cluster)
    try:
        with Writer(cluster) as writer, Writes(cluster, "worker-1") as writes:
            eventually("writes go through", lambda: len(writer.acknowledged) >= 20, 30)
            cluster.machines[dead].kill()
            before = len(writer.acknowledged)
            gaps = writes.gaps(12)
            eventually("writes go on", lambda: len(writer.acknowledged) >= before + 50, 60)

        assert faults.holder(cluster) not in ("", dead)
        assert max(gaps.values()) <= GOAL, gaps
        kept = items(cluster, "configmaps", "--selector=test=writes")
        assert set(writer.acknowledged) <= {row["metadata"]["name"] for row in kept}
    finally:
        cluster.machines[dead].start()
    boots.settled(cluster, dead)
    cluster.kubectl("delete", "configmaps", "--selector=test=writes")


def test_the_api_stays_usable_when_the_api_server_beside_its_address_is_killed(
    cluster: Lab,
) -> None:
    without = faults.holder(cluster)
    with Writes(cluster, "worker-1") as writes, faults.without_api_server(cluster, without):
        gaps = writes.gaps(10)
        assert faults.holder(cluster) not in ("", without)
    assert max(gaps.values()) <= GOAL, gaps
    boots.settled(cluster, without)


def test_nodes_that_are_restarted_come_back(cluster: Lab, workload: Workload) -> None:
    nodes = ("worker-1", "cp-2")
    for node in nodes:
        cluster.machines[node].stop()
    for node in nodes:
        cluster.machines[node].start()
    boots.settled(cluster, *nodes)

    for node in nodes:
        boots.no_user_data_kept(cluster.machines[node])
    workload.serves()


def test_an_image_tag_changed_in_a_manifest_survives_cloud_init_from_scratch(
    cluster: Lab,
) -> None:
    """As `kubeadm upgrade` changes it; and cloud-init takes the machine for a new one."""
    machine = cluster.machines["cp-3"]
    manifest = f"{MANIFESTS}/kube-scheduler.yaml"
    before = machine.read(manifest)
    later = before.replace(f"{IMAGE}:v1.37.2", f"{IMAGE}:v1.37.9")
    ctr = ("ctr", "--namespace=k8s.io", "images", "tag")
    machine.run(*ctr, f"{IMAGE}:v1.37.2", f"{IMAGE}:v1.37.9")
    machine.run("sed", "-i", f"s,{IMAGE}:v1.37.2,{IMAGE}:v1.37.9,", manifest)
    installed = machine.read(INSTALLED)

    machine.run("cloud-init", "clean", "--logs")
    machine.stop()
    machine.start()
    boots.settled(cluster, "cp-3")

    assert boots.applied_again(machine)
    assert machine.read(manifest) == later
    assert machine.read(INSTALLED) == installed

    def runs() -> str:
        what = ("pod", "kube-scheduler-cp-3", "--namespace=kube-system")
        return cluster.kubectl("get", *what, "--output=jsonpath={.spec.containers[0].image}")

    eventually("its pod is of that image", lambda: runs() == f"{IMAGE}:v1.37.9", 60)
    machine.run("sed", "-i", f"s,{IMAGE}:v1.37.9,{IMAGE}:v1.37.2,", manifest)


def test_user_data_that_is_newer_is_installed_and_one_that_is_older_is_not(
    cluster: Lab, tmp_path: Path
) -> None:
    machine = cluster.machines["worker-2"]
    folder = cluster.out / "worker-2"
    older = shutil.copytree(folder, tmp_path / "older")
    first = json.loads(machine.read(INSTALLED))["revision"]

    with boots.spec_changed(cluster, lambda spec: spec["nodes"][4].update(labels={"later": "yes"})):
        cluster.render()
        newer = shutil.copytree(folder, tmp_path / "newer")
        machine.stop()
        machine.start()
        boots.settled(cluster, "worker-2")
        second = json.loads(machine.read(INSTALLED))["revision"]
        assert second > first
        assert "later=yes" in machine.read(FLAGS)

        shutil.copytree(older, folder, dirs_exist_ok=True)
        machine.run("cloud-init", "clean", "--logs")  # it would know this instance-id
        machine.stop()
        machine.start()
        boots.settled(cluster, "worker-2")

        assert boots.applied_again(machine)
        assert json.loads(machine.read(INSTALLED))["revision"] == second
        assert "later=yes" in machine.read(FLAGS)
        assert machine.run("ls", "/var/lib/nodeseed/incoming") == ""
        shutil.copytree(newer, folder, dirs_exist_ok=True)


def test_a_late_control_plane_lowers_nothing(cluster: Lab) -> None:
    """Its user-data is of an older revision than the cluster, then of an older Kubernetes."""
    kubectl = cluster.kubectl
    mark = cluster.api.get(f"{SYSTEM}/nodeseed")["data"]
    proxy = cluster.api.get(f"{SYSTEM}/kube-proxy")["data"]["config.conf"]
    kubeadm = cluster.api.get(f"{SYSTEM}/kubeadm-config")["data"]["ClusterConfiguration"]
    later = kubeadm.replace("kubernetesVersion: v1.37.2", "kubernetesVersion: v1.37.9")

    def write(name: str, **data: str) -> None:
        patch = json.dumps({"data": data})
        kubectl("patch", "configmap", name, "--namespace=kube-system", f"--patch={patch}")

    write("kube-proxy", **{"config.conf": f"{proxy}# later\n"})
    write("kubeadm-config", ClusterConfiguration=later)
    for there, wanted in (
        ({"revision": "99", "version": "1.37.9"}, {"revision": "99", "version": "1.37.9"}),
        ({"revision": "0", "version": "1.37.2"}, {**mark, "version": "1.37.9"}),
    ):
        write("nodeseed", **there)
        cluster.machines["cp-1"].run("systemctl", "restart", "nodeseed-cluster")

        assert cluster.api.get(f"{SYSTEM}/nodeseed")["data"] == wanted
        assert cluster.api.get(f"{SYSTEM}/kube-proxy")["data"]["config.conf"].endswith("# later\n")
        assert cluster.api.get(f"{SYSTEM}/kubeadm-config")["data"] == {
            "ClusterConfiguration": later
        }

    write("kube-proxy", **{"config.conf": proxy})
    write("kubeadm-config", ClusterConfiguration=kubeadm)
    write("nodeseed", **mark)
