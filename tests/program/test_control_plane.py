"""The steps of a control plane: what they do, what they say, and that they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodeseed_node.cluster import cluster
from nodeseed_node.control_plane import control_plane
from nodeseed_node.pods import DONE, PODS, STATIC_POD
from tests.program.machines import FakeMachine


class Kubeadm:
    """A kubeadm that writes manifests of its version."""

    def __init__(self, version: str = "1.37.2") -> None:
        self.version = version
        self.m: FakeMachine | None = None

    def __call__(self, command: tuple[str, ...], _: str) -> tuple[int, str]:
        assert self.m
        if command[3] == "control-plane":
            pod = command[4]
            text = f"metadata:\n  labels:\n    component: x\nimage: r/kube-{pod}:v{self.version}\n"
            self.m.write(STATIC_POD % pod, text, 0o600)
        return 0, ""


class TestControlPlane:
    @pytest.fixture
    def ready(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
        monkeypatch.setattr("nodeseed_node.pods.ready", lambda m: True)
        monkeypatch.setattr("nodeseed_node.member.member_list", lambda *_: {"members": []})
        kubeadm = Kubeadm()
        m = FakeMachine(tmp_path, "control-plane", kubeadm)
        kubeadm.m = m
        m.configure(etcdEndpoints=["https://10.0.0.11:2379"])
        return m

    def manifest(self, m: FakeMachine) -> str:
        return m.text("etc/kubernetes/manifests/kube-apiserver.yaml")

    def phases(self, m: FakeMachine) -> list[str]:
        return [command[4] for command in m.commands if command[0] == "kubeadm"]

    def test_the_first_boot_writes_them_as_kubeadm_does(self, ready: FakeMachine) -> None:
        assert control_plane(ready) == 0
        assert self.phases(ready) == ["apiserver", "controller-manager", "scheduler"]
        assert len(ready.commands) == 3
        assert "nodeseed.dev" not in self.manifest(ready)
        assert ready.said == "the API server is ready"

    def test_a_power_cut_after_the_first_is_completed_without_a_restart(
        self, ready: FakeMachine
    ) -> None:
        control_plane(ready)
        ready.remove(DONE)
        ready.remove(STATIC_POD % "scheduler")
        assert control_plane(ready) == 0
        assert "nodeseed.dev" not in self.manifest(ready)
        assert ready.path(STATIC_POD % "scheduler").exists()
        assert ready.text(DONE) == "3"

    def test_a_reboot_leaves_them_alone(self, ready: FakeMachine) -> None:
        control_plane(ready)
        ready.write("etc/kubernetes/manifests/kube-scheduler.yaml", "by kubeadm upgrade")
        assert control_plane(ready) == 0
        assert len(ready.commands) == 3

    def test_an_absent_one_is_written_again(self, ready: FakeMachine) -> None:
        control_plane(ready)
        ready.remove("etc/kubernetes/manifests/kube-scheduler.yaml")
        assert control_plane(ready) == 0
        assert self.phases(ready)[3:] == ["scheduler"]

    def test_a_newer_revision_writes_and_restarts(self, ready: FakeMachine) -> None:
        control_plane(ready)
        for revision in (4, 5):
            ready.configure(revision=revision, etcdEndpoints=["https://10.0.0.11:2379"])
            assert control_plane(ready) == 0
            assert self.manifest(ready).count("nodeseed.dev/revision") == 1
            assert ready.commands[-1] == ("systemctl", "--no-block", "try-restart", "kubelet")
        assert yaml.safe_load(self.manifest(ready))["metadata"]["labels"] == {
            "component": "x",
            "nodeseed.dev/revision": "5",
        }

    def test_newer_pods_are_kept_and_restarted(self, ready: FakeMachine) -> None:
        control_plane(ready)
        for pod in PODS:
            name = STATIC_POD % pod
            ready.write(name, ready.text(name).replace("1.37.2", "1.38.10"))
        ready.configure(revision=4, etcdEndpoints=["https://10.0.0.11:2379"])
        assert control_plane(ready) == 0
        assert [command[0] for command in ready.commands[3:]] == ["systemctl"]
        assert 'nodeseed.dev/revision: "4"' in self.manifest(ready)
        assert "keeping kube-scheduler: it is of the newer 1.38.10" in ready.console[-2]

    def test_a_complaint_of_kubeadm_is_said_and_tried_again(self, ready: FakeMachine) -> None:
        good = ready.answer
        ready.answer = lambda command, stdin: (1, "W0101\nerror: no such file\nTo see --v=5")
        ready.while_asleep = [lambda: setattr(ready, "answer", good)]
        assert control_plane(ready) == 0
        assert "control-plane: no such file" in ready.console[0]
        assert "To see" not in ready.console[0]
        assert ready.text(DONE) == "3"

    def test_without_etcd_it_waits(self, ready: FakeMachine, monkeypatch: Any) -> None:
        def refuse(*_: object) -> None:
            raise OSError

        monkeypatch.setattr("nodeseed_node.member.member_list", refuse)
        ready.while_asleep = [lambda: (_ for _ in ()).throw(TimeoutError)]
        with pytest.raises(TimeoutError):
            control_plane(ready)
        assert ready.said == "waiting for a healthy etcd quorum"
        assert not ready.commands


PHASES = ["addon kube-proxy", "upload-config all", "addon coredns"]


class Cluster:
    """What kubectl and kubeadm see of a cluster: two ConfigMaps and who may do what."""

    def __init__(self, mark: dict[str, str] | None = None, version: str = "") -> None:
        self.mark = mark
        self.version = version
        self.admin = False
        self.applied: list[str] = []
        self.phases: list[str] = []

    def __call__(self, command: tuple[str, ...], stdin: str) -> tuple[int, str]:
        if command[0] == "kubeadm":
            self.phases.append(" ".join(command[3:-1]))
            self.admin = True  # kubeadm makes the binding
            return 0, ""
        if "super-admin" not in command[1] and not self.admin:
            return 1, "Forbidden"
        if command[2] == "get":
            items = []
            if self.mark:
                metadata = {"name": "nodeseed", "resourceVersion": "7"}
                items.append({"metadata": metadata, "data": self.mark})
            if self.version:
                data = {"ClusterConfiguration": f"kind: X\nkubernetesVersion: v{self.version}\n"}
                items.append({"metadata": {"name": "kubeadm-config"}, "data": data})
            return 0, json.dumps({"items": items}) if items else ""
        self.applied.append(stdin or command[-1])
        return 0, ""


class TestCluster:
    SUPER = (
        "users:\n- name: kubernetes-super-admin\n  user:\n    client-certificate-data: QQ==\n"
        "    client-key-data: Qg==\ncontexts: []\n"
    )

    def run(self, root: Path, there: Cluster, **config: Any) -> FakeMachine:
        m = FakeMachine(root, "cluster", there)
        m.configure(**config)
        m.write("etc/kubernetes/super-admin.conf", self.SUPER, 0o600)
        assert cluster(m) == 0
        return m

    def test_the_first_does_everything_and_marks_last(self, tmp_path: Path) -> None:
        there = Cluster()
        m = self.run(tmp_path, there)
        assert there.phases == [*PHASES, "mark-control-plane"]
        assert there.applied[0] == "/etc/nodeseed/manifests"
        mark = json.loads(there.applied[-1])
        assert mark["data"] == {"revision": "2", "version": "1.37.2"}
        assert mark["metadata"] == {"name": "nodeseed", "namespace": "kube-system"}
        assert m.said == "revision 2 applied, node marked"

    def test_the_others_mark_themselves_first(self, tmp_path: Path) -> None:
        there = Cluster()
        self.run(tmp_path, there, clusterFirst=False)
        assert there.phases == ["mark-control-plane", *PHASES]

    def test_super_admin_is_no_more_than_admin_once_that_has_its_binding(
        self, tmp_path: Path
    ) -> None:
        m = self.run(tmp_path, Cluster())
        assert m.text("etc/kubernetes/super-admin.conf") == m.text("etc/kubernetes/admin.conf")
        assert m.path("etc/kubernetes/super-admin.conf").stat().st_mode & 0o7777 == 0o600

    def test_what_is_done_is_not_done_again(self, tmp_path: Path) -> None:
        there = Cluster({"revision": "2", "version": "1.37.2"})
        self.run(tmp_path, there)
        assert (there.phases, there.applied) == (["mark-control-plane"], [])

    def test_a_newer_revision_is_applied_unless_somebody_was_faster(self, tmp_path: Path) -> None:
        there = Cluster({"revision": "1", "version": "1.36.0"}, "1.36.0")
        self.run(tmp_path, there)
        assert "upload-config all" in there.phases
        assert json.loads(there.applied[-1])["metadata"]["resourceVersion"] == "7"

    @pytest.mark.parametrize(("mark", "version"), [("1.38.0", "1.37.2"), ("1.37.2", "1.38.0")])
    def test_a_newer_version_is_never_lowered(
        self, tmp_path: Path, mark: str, version: str
    ) -> None:
        there = Cluster({"revision": "1", "version": mark}, version)
        self.run(tmp_path, there)
        assert there.phases == ["mark-control-plane"]
        assert json.loads(there.applied[-1])["data"] == {"revision": "2", "version": "1.38.0"}
