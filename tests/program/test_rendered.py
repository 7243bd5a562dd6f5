"""A control plane's steps without kubeadm: what they ask of the API server, and what they leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from nodeseed_node.cluster_rendered import cluster_rendered
from nodeseed_node.control_plane_rendered import control_plane_rendered
from nodeseed_node.pods import PODS, STATIC_POD
from tests.program.machines import FakeMachine
from tests.program.test_before_kubelet import PKI, certificate, serve

KEY = f"{PKI}/cluster-admin.key"
CONFIGMAPS = "/api/v1/namespaces/kube-system/configmaps"
APPLY = "?fieldManager=nodeseed&force=true"
KINDS: dict[str, list[dict[str, Any]]] = {
    "/api/v1": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
        {"name": "serviceaccounts/token", "kind": "ServiceAccount", "namespaced": True},
        {"name": "serviceaccounts", "kind": "ServiceAccount", "namespaced": True},
    ],
    "/apis/rbac.authorization.k8s.io/v1": [
        {"name": "clusterroles", "kind": "ClusterRole", "namespaced": False}
    ],
}


class Api:
    """An API server that knows some kinds, and keeps what it is asked to change."""

    def __init__(self, m: FakeMachine) -> None:
        self.configmaps: list[dict[str, Any]] = []
        self.nodes = {"cp-1"}
        self.changes: list[tuple[str, str, Any]] = []
        self.asked: list[str] = []
        self.refuse = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, body: Any) -> None:
                self.send_response(200 if body["kind"] != "Status" else 403)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def do_GET(self) -> None:
                outer.asked.append(self.path)
                assert "Content-Type" not in self.headers  # which discovery would refuse
                if self.path == CONFIGMAPS:
                    self.answer({"kind": "ConfigMapList", "items": outer.configmaps})
                elif self.path in KINDS:
                    self.answer({"kind": "APIResourceList", "resources": KINDS[self.path]})
                else:
                    self.answer({"kind": "Status", "message": "the server could not find it"})

            def do_PATCH(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node = self.path.removeprefix("/api/v1/nodes/")
                if outer.refuse or (node != self.path and node not in outer.nodes):
                    message = outer.refuse or f'nodes "{node}" not found'
                    self.answer({"kind": "Status", "message": message})
                    return
                outer.changes.append((self.path, self.headers["Content-Type"], body))
                self.answer({"kind": "Whatever"})

            def log_message(self, *_: Any) -> None:
                pass

        self.server = serve(m, Handler)
        self.url = f"https://127.0.0.1:{self.server.server_port}"

    @property
    def applied(self) -> list[str]:
        """What was applied, in order."""
        return [path.removesuffix(APPLY) for path, _, _ in self.changes if path.endswith(APPLY)]


def object_of(kind: str, name: str, version: str = "v1", **metadata: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}}


class TestClusterRendered:
    @pytest.fixture
    def m(self, tmp_path: Path) -> FakeMachine:
        m = FakeMachine(tmp_path, "cluster-rendered")
        certificate(m, "ca")
        certificate(m, "cluster-admin")
        add_ons = [
            object_of("ServiceAccount", "coredns", namespace="kube-system"),
            object_of("ClusterRole", "system:coredns", "rbac.authorization.k8s.io/v1"),
        ]
        m.write("etc/nodeseed/add-ons.yaml", json.dumps(add_ons))
        m.write("etc/nodeseed/objects.yaml", json.dumps([object_of("ConfigMap", "mine")]))
        return m

    @pytest.fixture
    def api(self, m: FakeMachine) -> Iterator[Api]:
        api = Api(m)
        m.configure(server=api.url)
        yield api
        api.server.shutdown()
        api.server.server_close()

    def mark(self, api: Api, revision: str, version: str) -> None:
        metadata = {"name": "nodeseed", "resourceVersion": "7"}
        data = {"revision": revision, "version": version}
        api.configmaps = [{"metadata": metadata, "data": data}]

    def test_add_ons_come_first_the_mark_last_and_the_power_goes(
        self, m: FakeMachine, api: Api
    ) -> None:
        assert cluster_rendered(m) == 0
        assert api.applied == [
            "/api/v1/namespaces/kube-system/serviceaccounts/coredns",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Acoredns",
            "/api/v1/namespaces/default/configmaps/mine",
            "/api/v1/namespaces/kube-system/configmaps/nodeseed",
        ]
        assert {form for path, form, _ in api.changes if path.endswith(APPLY)} == {
            "application/apply-patch+yaml"
        }
        assert api.changes[3][2]["data"] == {"revision": "2", "version": "1.37.2"}
        path, form, body = api.changes[4]
        assert (path, form) == ("/api/v1/nodes/cp-1", "application/merge-patch+json")
        assert body["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] == ""
        assert not m.commands
        assert m.said == "revision 2 applied, node marked"
        assert m.text(KEY) == ""
        assert m.path(KEY).stat().st_mode & 0o7777 == 0o600

    def test_a_boot_without_the_power_has_nothing_to_do(self, m: FakeMachine, api: Api) -> None:
        m.write(KEY, "")
        assert cluster_rendered(m) == 0
        assert not api.asked
        assert m.said == "revision 2 applied, node marked"

    def test_what_is_done_is_not_done_again_but_the_node_is_labelled(
        self, m: FakeMachine, api: Api
    ) -> None:
        self.mark(api, "2", "1.37.2")
        assert cluster_rendered(m) == 0
        assert [path for path, _, _ in api.changes] == ["/api/v1/nodes/cp-1"]
        assert m.text(KEY) == ""

    def test_a_newer_revision_names_the_mark_that_it_replaces(
        self, m: FakeMachine, api: Api
    ) -> None:
        self.mark(api, "1", "1.36.0")
        assert cluster_rendered(m) == 0
        assert api.changes[3][2]["metadata"]["resourceVersion"] == "7"

    def test_add_ons_of_a_newer_version_stay(self, m: FakeMachine, api: Api) -> None:
        self.mark(api, "1", "1.38.0")
        assert cluster_rendered(m) == 0
        assert [path.rpartition("/")[2] for path in api.applied] == ["mine", "nodeseed"]
        assert api.changes[1][2]["data"] == {"revision": "2", "version": "1.38.0"}

    def test_a_node_that_is_not_registered_is_waited_for_and_not_made(
        self, m: FakeMachine, api: Api
    ) -> None:
        m.configure(server=api.url, clusterFirst=False)
        api.nodes.clear()
        m.while_asleep = [lambda: api.nodes.add("cp-1")]
        assert cluster_rendered(m) == 0
        assert 'cluster-rendered: nodes "cp-1" not found' in m.console[0]
        assert len(api.applied) == 4

    @pytest.mark.parametrize(
        ("item", "said"),
        [
            (object_of("Mouse", "jerry"), "the API server knows no Mouse in v1"),
            (object_of("Mouse", "jerry", "example.com/v1"), "the server could not find it"),
        ],
    )
    def test_a_kind_that_is_not_there_yet_is_waited_for(
        self, m: FakeMachine, api: Api, item: dict[str, Any], said: str
    ) -> None:
        m.write("etc/nodeseed/objects.yaml", json.dumps([item]))
        known = [object_of("ConfigMap", "mine")]
        m.while_asleep = [lambda: m.write("etc/nodeseed/objects.yaml", json.dumps(known))]
        assert cluster_rendered(m) == 0
        assert m.console[0].endswith(said)

    def test_a_refusal_is_said_and_keeps_the_power(self, m: FakeMachine, api: Api) -> None:
        api.refuse = "admission webhook denied the request"
        m.while_asleep = [lambda: (_ for _ in ()).throw(TimeoutError)]
        with pytest.raises(TimeoutError):
            cluster_rendered(m)
        assert m.said == api.refuse
        assert m.text(KEY) != ""


def test_our_own_manifests_take_the_place_of_kubeadms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodeseed_node.pods.ready", lambda m: True)
    monkeypatch.setattr("nodeseed_node.member.member_list", lambda *_: {"members": []})
    m = FakeMachine(tmp_path, "control-plane-rendered")
    texts = {pod: f"  labels:\n    component: x\nimage: r/kube-{pod}:v1.37.2\n" for pod in PODS}
    for pod, text in texts.items():
        m.write(f"etc/nodeseed/control-plane/kube-{pod}.yaml", text)
    m.configure(etcdEndpoints=["https://10.0.0.11:2379"])
    assert control_plane_rendered(m) == 0
    for pod, text in texts.items():
        assert m.text(STATIC_POD % pod) == text
        assert m.path(STATIC_POD % pod).stat().st_mode & 0o777 == 0o600
    assert not m.commands
    assert m.said == "the API server is ready"
