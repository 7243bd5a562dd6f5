"""The load balancer on the control planes: names, ports, addresses, and its files."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from nodeseed.nodes.balance import balance_values
from nodeseed.nodes.plan import context, sets
from nodeseed.render.templates import render_file
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import HEALTH

VIRTUAL = "10.0.0.100"


def balanced(**fields: Any) -> Change:
    return lambda spec: spec["endpoint"].update(
        provider="haproxy-keepalived", address=VIRTUAL, **fields
    )


def file_of(path: str, node: int, *changes: Change) -> str:
    design = design_of(*changes)
    values = context(design, design.machines[node])
    return render_file("endpoint-haproxy-keepalived", path, values)


def names_of(*changes: Change) -> list[str]:
    design = design_of(*changes)
    names = design.names(design.machines[0])
    return [names.endpoint, names.virtual_address]


def test_only_control_planes_balance() -> None:
    design = design_of(balanced())
    with_it = [
        machine.name
        for machine in design.machines
        if "endpoint-haproxy-keepalived" in sets(design, machine)
    ]
    assert with_it == ["cp-1", "cp-2", "cp-3"]


def test_the_endpoint_is_the_node_itself_or_on_workers_the_virtual_address() -> None:
    design = design_of(balanced())
    hosts = [context(design, machine)["hosts"] for machine in design.machines]
    assert hosts[0] == {"10.0.0.11": ["cp-1", "api.test.example.com"]}
    assert hosts[3] == {"10.0.0.21": ["worker-1"], VIRTUAL: ["api.test.example.com"]}


def test_an_address_as_host_is_the_virtual_address_and_nobodys_name() -> None:
    design = design_of(
        lambda spec: spec.update(endpoint={"host": VIRTUAL, "provider": "haproxy-keepalived"})
    )
    assert str(design.virtual_address) == VIRTUAL
    assert design.endpoint_url == f"https://{VIRTUAL}:8443"
    assert context(design, design.machines[0])["hosts"] == {"10.0.0.11": ["cp-1"]}
    assert context(design, design.machines[0])["api_sans"] == [VIRTUAL]


def test_name_and_virtual_address_are_in_the_certificate() -> None:
    assert names_of(balanced()) == ["api.test.example.com", VIRTUAL]
    assert names_of() == ["api.test.example.com", ""]
    design = design_of(balanced())
    assert context(design, design.machines[0])["api_sans"] == ["api.test.example.com", VIRTUAL]


def test_beside_the_api_server_haproxy_listens_everywhere() -> None:
    text = file_of("/etc/haproxy/haproxy.cfg", 0, balanced())
    binds = [line.strip() for line in text.splitlines() if "bind" in line]
    assert binds == ["bind :8443", HEALTH]
    assert "  server cp-3 10.0.0.13:6443 track ready/cp-3" in text.splitlines()


def test_with_equal_ports_it_listens_on_the_virtual_address_alone() -> None:
    design = design_of(balanced(port=6443))
    text = file_of("/etc/haproxy/haproxy.cfg", 0, balanced(port=6443))
    binds = [line.strip() for line in text.splitlines() if "bind" in line]
    assert binds == [f"bind {VIRTUAL}:6443 transparent", HEALTH]
    flags = context(design, design.machines[0])["api_server_arguments"]
    assert {"name": "permit-port-sharing", "value": "true"} in flags
    beside = context(design_of(balanced()), design.machines[0])["api_server_arguments"]
    assert not [flag for flag in beside if flag["name"] == "permit-port-sharing"]


def test_the_address_is_where_haproxy_and_the_api_server_of_the_machine_itself_answer() -> None:
    text = file_of("/etc/keepalived/keepalived.conf", 0, balanced())
    (script,) = [line.strip() for line in text.splitlines() if "curl" in line]
    assert script == (
        'script "/usr/bin/curl -sfm2 --fail-early --unix-socket /run/nodeseed/haproxy.sock '
        "http://haproxy/ --next -sfm2 --cacert /etc/kubernetes/pki/ca.crt "
        'https://127.0.0.1:6443/readyz"'
    )


def test_each_control_plane_names_the_others_and_has_a_priority_of_its_own() -> None:
    design = design_of(balanced())
    values = [balance_values(design, machine) for machine in design.control_planes]
    assert [one["priority"] for one in values] == [200, 199, 198]
    assert values[1]["peers"] == ["10.0.0.11", "10.0.0.13"]
    assert len({one["virtual_router_id"] for one in values}) == 1


@pytest.mark.parametrize("name", ["prod", "lab", "test", "a"])
def test_the_router_id_is_one_that_vrrp_knows(name: str) -> None:
    design = design_of(balanced(), lambda spec: spec.update(name=name))
    assert 1 <= balance_values(design, design.machines[0])["virtual_router_id"] <= 255


def test_the_password_has_eight_characters_and_is_in_no_digest(workplace: Workplace) -> None:
    workplace.write(balanced())
    workplace.render()
    texts = [workplace.tree(node)["/etc/keepalived/keepalived.conf"] for node in ("cp-1", "cp-2")]
    words = [text.split("auth_pass ")[1].split()[0] for text in texts]
    assert words[0] == words[1]
    assert len(words[0]) == 8
    assert words[0] not in workplace.state.lock_path.read_text()


def test_one_control_plane_alone_has_no_peers() -> None:
    text = file_of(
        "/etc/keepalived/keepalived.conf", 0, balanced(), lambda spec: spec["nodes"].__delitem__(1),
        lambda spec: spec["nodes"].__delitem__(1),
    )  # fmt: skip
    assert "unicast_peer" not in text


def ipv6(spec: dict[str, Any]) -> None:
    spec["endpoint"] = {"host": "fd00::100", "provider": "haproxy-keepalived"}
    spec["networking"].update(
        podSubnet="fd01::/48", serviceSubnet="fd02::/112", nodeSubnet="fd00::/64"
    )
    for number, node in enumerate(spec["nodes"]):
        node["address"] = f"fd00::1{number}"


def test_ipv6_knows_no_password() -> None:
    text = file_of("/etc/keepalived/keepalived.conf", 0, ipv6)
    assert "auth" not in text
    assert "    fd00::100" in text.splitlines()
    haproxy = file_of("/etc/haproxy/haproxy.cfg", 0, ipv6)
    assert "  bind :::8443 v4v6" in haproxy.splitlines()
    assert "  server cp-2 [fd00::11]:6443 track ready/cp-2" in haproxy.splitlines()


def test_a_node_without_its_programs_says_so(workplace: Workplace) -> None:
    workplace.write(balanced())
    workplace.render()
    asked = json.loads(workplace.tree("cp-1")["/etc/nodeseed/config.json"])["programs"]
    assert {"haproxy -v", "keepalived -v", "curl -V"} <= asked.keys()
    asked = json.loads(workplace.tree("worker-1")["/etc/nodeseed/config.json"])["programs"]
    assert "haproxy -v" not in asked


def test_a_cluster_without_it_pays_no_byte(workplace: Workplace) -> None:
    workplace.render()
    text = yaml.safe_dump(workplace.tree("cp-1"))
    assert "haproxy" not in text
    assert "vrrp" not in text
