"""kube-vip: its pod, its identity, and the one Lease that it may use."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from nodeseed.nodes.plan import context, sets
from nodeseed.render.templates import render_file
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import assert_refused

VIRTUAL = "10.0.0.100"
MANIFEST = "/etc/kubernetes/manifests/kube-vip.yaml"


def kube_vip(**fields: Any) -> Change:
    return lambda spec: spec["endpoint"].update(provider="kube-vip", address=VIRTUAL, **fields)


def pod(*changes: Change, node: int = 0) -> dict[str, Any]:
    design = design_of(*changes)
    values = context(design, design.machines[node])
    found: dict[str, Any] = yaml.safe_load(render_file("endpoint-kube-vip", MANIFEST, values))
    return found


def environment(*changes: Change, node: int = 0) -> dict[str, str]:
    (container,) = pod(*changes, node=node)["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_every_control_plane_runs_it_and_nobody_else() -> None:
    design = design_of(kube_vip())
    found = [m.name for m in design.machines if "endpoint-kube-vip" in sets(design, m)]
    assert found == ["cp-1", "cp-2", "cp-3"]


def test_it_holds_the_address_at_the_api_servers_port() -> None:
    found = environment(kube_vip(), node=1)
    assert (found["address"], found["port"], found["vip_nodename"]) == (VIRTUAL, "6443", "cp-2")
    assert design_of(kube_vip()).endpoint_url == "https://api.test.example.com:6443"
    assert "vip_interface" not in found
    assert environment(kube_vip(interface="eno1"))["vip_interface"] == "eno1"


def test_its_timings_are_such_as_client_go_accepts() -> None:
    found = environment(kube_vip())
    lease, renew, retry = (
        int(found[f"vip_{name}"]) for name in ("leaseduration", "renewdeadline", "retryperiod")
    )
    assert lease > renew > 1.2 * retry  # client-go leaderelection.go, NewLeaderElector


def test_its_image_is_the_operators_to_choose() -> None:
    image = "mirror.example.com/kube-vip:v1.0.0"
    (container,) = pod(kube_vip(image=image))["spec"]["containers"]
    assert container["image"] == image


def test_it_has_an_identity_of_its_own_and_no_administrators(workplace: Workplace) -> None:
    workplace.write(kube_vip())
    workplace.render()
    tree = workplace.tree("cp-1")
    assert "/kubeconfig/kube-vip.conf.key" in tree
    manifest = tree[MANIFEST]
    (volume,) = yaml.safe_load(manifest)["spec"]["volumes"]
    assert volume["hostPath"]["path"] == "/etc/kubernetes/kube-vip.conf"
    assert "super-admin" not in manifest
    conf = yaml.safe_load(tree["/etc/kubernetes/kube-vip.conf"])
    assert conf["users"][0]["name"] == "kube-vip"
    assert "/etc/kubernetes/kube-vip.conf" not in workplace.tree("worker-1")


def test_that_identity_may_use_one_lease(workplace: Workplace) -> None:
    workplace.write(kube_vip())
    workplace.render()
    text = workplace.tree("cp-1")["/etc/nodeseed/manifests/kube-vip.yaml"]
    role, binding = yaml.safe_load_all(text)
    assert {tuple(rule["resources"]) for rule in role["rules"]} == {("leases",)}
    named = [rule for rule in role["rules"] if rule["verbs"] != ["create"]]
    assert [rule["resourceNames"] for rule in named] == [["plndr-cp-lock"]]
    assert binding["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "kube-vip"}
    ]


def test_a_cluster_that_takes_to_it_later_gets_its_role(workplace: Workplace) -> None:
    workplace.write()
    before = workplace.render().lock.clusterRevision
    workplace.write(kube_vip())
    assert workplace.render().lock.clusterRevision > before


def test_its_pod_starts_anew_with_each_revision_of_its_node(workplace: Workplace) -> None:
    found = []
    for image in ("a:1", "a:2"):
        workplace.write(kube_vip(image=image))
        workplace.render()
        text = workplace.tree("cp-1")[MANIFEST]
        found.append(yaml.safe_load(text)["metadata"]["annotations"]["nodeseed.dev/revision"])
    assert found == ["1", "2"]


def test_a_cluster_without_it_pays_no_byte(workplace: Workplace) -> None:
    workplace.render()
    assert "kube-vip" not in yaml.safe_dump(workplace.tree("cp-1"))


BAD: dict[str, tuple[list[Change], str]] = {
    "no virtual address": (
        [lambda spec: spec["endpoint"].update(provider="kube-vip")],
        "endpoint: kube-vip needs the virtual address that api.test.example.com means",
    ),
    "another port": (
        [kube_vip(port=8443)],
        "endpoint.port: nothing would listen on port 8443 of a control plane",
    ),
    "load balancers beside it": (
        [
            kube_vip(),
            lambda spec: spec["nodes"][3].update(role="load-balancer"),
        ],
        "nodes[3].role: worker-1 would run nothing: endpoint kube-vip has no use for nodes",
    ),
    "a node's address": (
        [lambda spec: spec["endpoint"].update(provider="kube-vip", address="10.0.0.21")],
        "endpoint.address: 10.0.0.21 is the address of node worker-1",
    ),
    "a key of its own that it does not know": (
        [kube_vip(interfaces="eno1")],
        "endpoint.interfaces: unknown key; did you mean interface?",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    assert_refused(*BAD[case])
