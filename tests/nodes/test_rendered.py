"""Control planes without kubeadm, keys in another folder, static tokens: what nodes get."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodeseed.nodes.objects import json_text, objects
from nodeseed.nodes.software import downloads, package_versions
from nodeseed.nodes.tokens import TOKEN_FILE
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import Chance, Choices, render_cluster
from nodeseed.pki.keys import generate_key
from tests.conftest import NOW, Change, Workplace, design_of, fixed_secret
from tests.nodes.changes import assert_refused, aws, put
from tests.nodes.test_software import binaries, packages

CLUSTERS = Path(__file__).parents[2] / "clusters"
PROGRAM = "/usr/local/lib/nodeseed/node.py"
RENDERED = put("controlPlane.manifests", "rendered")
SRV = put("pki.directory", "/srv/kubernetes")


def tokens(*rows: dict[str, Any]) -> Change:
    return put("apiServer.tokens", list(rows))


class TestRendered:
    def test_a_node_has_nothing_of_kubeadm_and_the_other_way_nothing_of_ours(
        self, workplace: Workplace
    ) -> None:
        workplace.render()
        usual = workplace.tree("cp-1")
        workplace.write(RENDERED)
        workplace.render()
        tree = workplace.tree("cp-1")
        assert "/etc/kubernetes/kubeadm.yaml" in usual
        assert not [path for path in tree if "kubeadm.yaml" in path or "super-admin" in path]
        for word in ("kubeadm init", "kubectl"):
            assert word in usual[PROGRAM]
            assert word not in tree[PROGRAM]
        for word in ("apply-patch", "etc/nodeseed/add-ons.yaml", "/etc/nodeseed/control-plane"):
            assert word not in usual[PROGRAM]
        assert not [path for path in usual if path.startswith("/etc/nodeseed/control-plane")]
        programs = json.loads(tree["/etc/nodeseed/config.json"])["programs"]
        assert [program.split()[0] for program in programs] == ["kubelet", "containerd", "etcd"]

    def test_workers_are_the_same_in_both_ways(self, workplace: Workplace) -> None:
        workplace.render()
        usual = (workplace.out / "worker-1" / "user-data").read_bytes()
        workplace.write(RENDERED)
        report = workplace.render()
        assert "worker-1" not in report.changed
        assert (workplace.out / "worker-1" / "user-data").read_bytes() == usual

    def test_objects_travel_as_json_the_operators_behind_ours(self, workplace: Workplace) -> None:
        (workplace.folder / "mine.yaml").write_text(
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: mine}\ndata: {day: 2026-11-25}\n"
        )
        workplace.write(RENDERED, put("manifests", ["mine.yaml"]))
        workplace.render()
        tree = workplace.tree("cp-1")
        items = json.loads(tree["/etc/nodeseed/objects.yaml"])
        assert [item["metadata"]["name"] for item in items] == [
            "kubeadm:cluster-admins",
            "kubeadm:apiserver-kubelet-client",
            "mine",
        ]
        assert items[-1]["data"] == {"day": "2026-11-25"}
        kinds = [item["kind"] for item in json.loads(tree["/etc/nodeseed/add-ons.yaml"])]
        assert kinds[-1] == "Deployment"  # CoreDNS, after kube-proxy
        assert not [path for path in tree if path.startswith("/etc/nodeseed/manifests")]

    def test_the_cluster_is_set_up_again_when_an_add_on_changes_and_not_for_a_flag(
        self, workplace: Workplace
    ) -> None:
        workplace.write(RENDERED)
        first = workplace.render().lock.clusterRevision
        flag = put("scheduler.extraArgs", [{"name": "v", "value": "4"}])
        workplace.write(RENDERED, flag)
        assert workplace.render().lock.clusterRevision == first
        workplace.write(RENDERED, flag, put("proxy.mode", "iptables"))
        assert workplace.render().lock.clusterRevision > first

    def test_the_default_control_plane_on_aws_fits(self, tmp_path: Path) -> None:
        """With room for what operators add: zones, a mirror, a longer name."""
        sizes = {}
        for way in ("kubeadm", "rendered"):
            spec = yaml.safe_load((CLUSTERS / "prod.yaml").read_text())
            del spec["transport"], spec["storage"]
            spec["controlPlane"] = {"manifests": way}
            path = tmp_path / way / "prod.yaml"
            path.parent.mkdir()
            path.write_text(yaml.safe_dump(spec))
            chance = Chance(now=NOW, secret=fixed_secret, generate_key=generate_key)
            report = render_cluster(
                ClusterState(path, seed_variable=None), Choices(out=path.parent / "out"), chance
            )
            sizes[way] = max(row.size for row in report.rows if row.role == "control-plane")
        assert sizes["rendered"] <= 16_384
        assert sizes["rendered"] - sizes["kubeadm"] <= 1_400

    def test_cloud_inits_datasource_is_scrubbed_where_there_is_room(
        self, workplace: Workplace
    ) -> None:
        for platform, there in ((aws, False), (put("platform", {"name": "gcp"}), True)):
            workplace.write(platform, RENDERED)
            workplace.render()
            for node, wanted in (("cp-1", there), ("worker-1", True)):
                text = (workplace.out / node / "user-data.yaml").read_text()
                assert ("node.py scrub\n" in text) == wanted
                assert "user-data.txt*" in text

    def test_no_program_but_the_kubelet_is_fetched(self) -> None:
        design = design_of(RENDERED, binaries())
        names = [file["path"] for file in downloads(design, design.machines[0])]
        assert names == ["usr/local/bin/kubelet"]
        design = design_of(RENDERED, packages())
        assert list(package_versions(design, design.machines[0])) == ["kubelet", "containerd"]

    def test_a_bind_address_moves_the_probes(self, workplace: Workplace) -> None:
        workplace.write(
            RENDERED,
            put("scheduler.extraArgs", [{"name": "bind-address", "value": "0.0.0.0"}]),  # noqa: S104
            put("apiServer.extraArgs", [{"name": "authorization-config", "value": "/etc/a.yaml"}]),
        )
        workplace.render()
        tree = workplace.tree("cp-1")
        folder = "/etc/nodeseed/control-plane"
        (scheduler,) = yaml.safe_load(tree[f"{folder}/kube-scheduler.yaml"])["spec"]["containers"]
        assert "host" not in scheduler["livenessProbe"]["httpGet"]
        assert "--authorization-mode" not in tree[f"{folder}/kube-apiserver.yaml"]


class TestDirectory:
    @pytest.mark.parametrize("way", ["kubeadm", "rendered"])
    def test_nothing_is_left_in_the_usual_folder_nor_speaks_of_it(
        self, workplace: Workplace, way: str
    ) -> None:
        balanced = put("endpoint", {"host": "10.0.0.100", "provider": "haproxy-keepalived"})
        changes = (put("controlPlane.manifests", way), put("etcd.run", "static-pod"), balanced)
        workplace.write(*changes)
        workplace.render()
        usual = {node: workplace.tree(node) for node in ("cp-1", "worker-1")}
        workplace.write(*changes, SRV)
        workplace.render()
        for node, before in usual.items():
            tree = workplace.tree(node)
            for path, text in tree.items():
                assert "etc/kubernetes/pki" not in path + text, path
            moved = {path.replace("/etc/kubernetes/pki", "/srv/kubernetes") for path in before}
            assert set(tree) == moved
        configuration = tree["/var/lib/kubelet/config.yaml"]
        assert "clientCAFile: /srv/kubernetes/ca.crt" in configuration


class TestTokens:
    def test_they_lie_on_control_planes_and_with_the_operator_and_nowhere_else(
        self, workplace: Workplace
    ) -> None:
        deploy = {"user": "deploy", "groups": ["a", "b"], "uid": "7"}
        workplace.write(tokens(deploy, {"user": "watch"}))
        workplace.render()
        path = f"/etc/kubernetes/pki/{TOKEN_FILE}"
        text = workplace.tree("cp-1")[path]
        assert re.fullmatch(r'[a-z2-7]{32},deploy,7,"a,b"\n[a-z2-7]{32},watch,watch\n', text)
        out = workplace.out / TOKEN_FILE
        assert out.read_text() == text
        assert out.stat().st_mode & 0o777 == 0o600
        staged = yaml.safe_load((workplace.out / "cp-1" / "user-data").read_text())["write_files"]
        assert [f["permissions"] for f in staged if f["path"].endswith(path)] == ["0600"]
        secrets = [line.split(",")[0] for line in text.splitlines()]
        holders = {
            name
            for name, content in workplace.files().items()
            if any(secret in content.decode() for secret in secrets)
        }
        assert holders == {TOKEN_FILE, *(f"cp-{n}/user-data" for n in (1, 2, 3))}
        assert not [s for s in secrets if s in workplace.state.lock_path.read_text()]
        tree = workplace.tree("cp-1")
        assert [name for name, content in tree.items() if secrets[0] in content] == [path]
        assert "token-auth-file" in tree["/etc/kubernetes/kubeadm.yaml"]

    def test_a_higher_generation_is_another_token_for_that_user_alone(
        self, workplace: Workplace
    ) -> None:
        workplace.write(tokens({"user": "a"}, {"user": "b"}))
        workplace.render()
        before = (workplace.out / TOKEN_FILE).read_text().splitlines()
        workplace.write(tokens({"user": "a", "generation": 2}, {"user": "b"}))
        assert workplace.render().changed == ["cp-1", "cp-2", "cp-3"]
        after = (workplace.out / TOKEN_FILE).read_text().splitlines()
        assert before[0] != after[0]
        assert before[1] == after[1]

    def test_without_them_nothing_is_left(self, workplace: Workplace) -> None:
        workplace.write(tokens({"user": "a"}))
        workplace.render()
        workplace.write()
        workplace.render()
        assert not (workplace.out / TOKEN_FILE).exists()
        tree = workplace.tree("cp-1")
        assert not [path for path in tree if "token" in path]
        assert "token-auth-file" not in tree["/etc/kubernetes/kubeadm.yaml"]


class TestObjects:
    def test_yaml_means_what_kubectl_takes_it_for(self) -> None:
        text = "apiVersion: v1\nkind: C\nmetadata: {name: x}\n"
        words = "{a: 0644, b: 22:22, c: 2026-01-01, d: yes, e: 1e3, f: 1.5, g: 0x1f, h: '1'}"
        (item,) = objects(f"{text}data: {words}\n")
        assert item["data"] == {
            "a": 420,
            "b": "22:22",
            "c": "2026-01-01",
            "d": True,
            "e": 1000.0,
            "f": 1.5,
            "g": 31,
            "h": "1",
        }

    def test_lists_are_taken_apart_and_empty_documents_passed_over(self) -> None:
        item = "{apiVersion: v1, kind: C, metadata: {name: x}}"
        text = f"---\n# nothing\n---\n{item}\n---\n{{kind: List, items: [{item}, {item}]}}\n"
        assert len(json.loads(json_text([text, item]))) == 4


BAD: dict[str, tuple[list[Change], str]] = {
    "an object without a name": (
        [RENDERED, put("manifests", ["mine.yaml"])],
        "manifests[0]: mine.yaml: an object without apiVersion; write what `kubectl apply` takes",
    ),
    "a folder with another meaning": (
        [put("pki.directory", "/etc/kubernetes/manifests")],
        "pki.directory: /etc/kubernetes/manifests overlaps /etc/kubernetes",
    ),
    "a folder around others": (
        [put("pki.directory", "/var/lib")],
        "pki.directory: /var/lib overlaps /var/lib/etcd",
    ),
    "a folder with a space": (
        [put("pki.directory", "/srv/my keys")],
        "pki.directory: /srv/my keys has characters other than",
    ),
    "a file among the keys": (
        [
            SRV,
            put("files", [{"path": "/srv/kubernetes/x", "content": "x"}]),
        ],
        "files[0].path: /srv/kubernetes/x lies where nodeseed writes",
    ),
    "a user with two tokens": (
        [tokens({"user": "a"}, {"user": "a"})],
        "apiServer.tokens[1].user: a is there twice",
    ),
    "a token beyond all rules": (
        [tokens({"user": "a", "groups": ["system:masters"]})],
        "apiServer.tokens[0].groups: no rule could limit a bearer of system:masters",
    ),
    "a comma in a name": (
        [tokens({"user": "a,b"})],
        "apiServer.tokens[0].user: 'a,b' holds a comma, a quote or a space",
    ),
    "a token file of the operator's beside ours": (
        [
            tokens({"user": "a"}),
            put("apiServer.extraArgs", [{"name": "token-auth-file", "value": "/x"}]),
        ],
        "apiServer.extraArgs[0].name: apiServer.tokens makes that file",
    ),
    "basic authentication": (
        [put("apiServer.basicAuth", [{"user": "a", "password": "b"}])],
        "apiServer.basicAuth: Kubernetes has no basic authentication since 1.19",
    ),
    "basic authentication by its flag": (
        [put("apiServer.extraArgs", [{"name": "basic-auth-file", "value": "/x"}])],
        "apiServer.extraArgs[0].name: Kubernetes has no basic authentication since 1.19",
    ),
    "a checksum that kubeadm's way needs": (
        [
            put(
                "kubernetes.software",
                {"source": "binaries", "binaries": {"sha256": {"kubelet": "0" * 64}}},
            )
        ],
        "kubernetes.software.binaries.sha256.kubeadm: is missing",
    ),
}


@pytest.mark.parametrize(("changes", "expected"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_its_cure(changes: list[Change], expected: str) -> None:
    assert_refused(changes, expected)
