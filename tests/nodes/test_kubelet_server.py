"""kubelet.conf: workers at the load balancer; control planes at themselves, or there on request."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from nodeseed.nodes.hairpin import hairpin
from nodeseed.nodes.plan import context
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import assert_refused, aws

NAME = "api.test.example.com"
VIRTUAL = "10.0.0.100"


def through(**fields: Any) -> Change:
    return lambda spec: spec["endpoint"].update({"controlPlanes": "endpoint", **fields})


def servers(place: Workplace, node: str) -> dict[str, str]:
    """Where each kubeconfig of a node leads."""
    found = {}
    for path, content in place.tree(node).items():
        if path.endswith(".conf") and path.startswith("/etc/kubernetes/"):
            (cluster,) = yaml.safe_load(content)["clusters"]
            found[path.rpartition("/")[2]] = cluster["cluster"]["server"]
    return found


@pytest.mark.parametrize("provider", ["external", "haproxy-keepalived"])
def test_by_default_a_control_plane_asks_itself_and_a_worker_the_load_balancer(
    workplace: Workplace, provider: str
) -> None:
    address = {} if provider == "external" else {"address": VIRTUAL}
    workplace.write(lambda spec: spec["endpoint"].update(provider=provider, **address))
    workplace.render()
    assert set(servers(workplace, "cp-1").values()) == {"https://10.0.0.11:6443"}
    port = 6443 if provider == "external" else 8443
    assert servers(workplace, "worker-1") == {"kubelet.conf": f"https://{NAME}:{port}"}


def test_on_request_its_kubelet_goes_through_and_nothing_else(workplace: Workplace) -> None:
    workplace.write(through())
    workplace.render()
    found = servers(workplace, "cp-1")
    assert found.pop("kubelet.conf") == f"https://{NAME}:6443"
    assert set(found.values()) == {"https://10.0.0.11:6443"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (through(), {"10.0.0.11": ["cp-1"]}),
        (
            through(provider="haproxy-keepalived", address=VIRTUAL),
            {"10.0.0.11": ["cp-1"], VIRTUAL: [NAME]},
        ),
    ],
    ids=["DNS-knows-it", "a-virtual-address"],
)
def test_then_the_name_is_not_the_node_itself(change: Change, expected: dict[str, Any]) -> None:
    design = design_of(change)
    assert context(design, design.machines[0])["hosts"] == expected


def test_then_the_load_balancer_may_have_another_port() -> None:
    assert design_of(through(port=443)).endpoint_url == f"https://{NAME}:443"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], []),
        ([aws], []),
        ([through()], ["may lose it; on AWS turn", "upgrade every API server before"]),
        ([aws, through()], ["may lose it (Amazon EC2's own does)", "upgrade every API server"]),
        ([through(provider="haproxy-keepalived", address=VIRTUAL)], ["upgrade every API server"]),
    ],
)
def test_what_can_go_wrong_is_said(changes: list[Change], words: list[str]) -> None:
    said = list(hairpin(design_of(*changes)))
    assert len(said) == len(words)
    assert all(word in text for word, text in zip(words, said, strict=True))


BAD = {
    "nothing balances on control planes": (
        [through(provider="node-local")],
        "endpoint.controlPlanes: node-local balances on workers alone",
    ),
    "another word": ([through(controlPlanes="self")], "endpoint.controlPlanes: "),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    assert_refused(*BAD[case])
