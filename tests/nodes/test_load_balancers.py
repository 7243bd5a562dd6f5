"""Nodes of role load-balancer: what they get, what they do not get, and what the others lose."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodeseed.nodes.plan import context, sets
from nodeseed.nodes.software import package_versions
from nodeseed.render.templates import render_file
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import HEALTH, assert_refused

VIRTUAL = "10.0.0.100"
NAMES = ["lb-1", "lb-2"]


def dedicated(**fields: Any) -> Change:
    """Two load balancers, at the end of the list of nodes."""

    def change(spec: dict[str, Any]) -> None:
        spec["endpoint"].update({"provider": "haproxy-keepalived", "address": VIRTUAL, **fields})
        for number, name in enumerate(NAMES, 31):
            node = {"name": name, "role": "load-balancer", "address": f"10.0.0.{number}"}
            spec["nodes"].append(node)

    return change


def file_of(path: str, node: int, *changes: Change) -> list[str]:
    design = design_of(*changes)
    values = context(design, design.machines[node])
    return render_file("endpoint-haproxy-keepalived", path, values).splitlines()


def test_they_balance_and_nobody_else_does() -> None:
    design = design_of(dedicated())
    found = {machine.name: sets(design, machine) for machine in design.machines}
    assert found["lb-1"] == found["lb-2"] == ["common", "endpoint-haproxy-keepalived"]
    assert [name for name in found if "endpoint-haproxy-keepalived" in found[name]] == NAMES


def test_they_hold_no_key_and_know_the_cluster_ca_alone(workplace: Workplace) -> None:
    workplace.write(dedicated())
    report = workplace.render()
    tree = workplace.tree("lb-1")
    assert [path for path in tree if path.startswith("/etc/kubernetes")] == [
        "/etc/kubernetes/pki/ca.crt"
    ]
    assert "PRIVATE KEY" not in "".join(tree.values())
    assert not [path for path in tree if "kubelet" in path or "etcd" in path or "cni" in path]
    assert {row.node: row.expires_in_days for row in report.rows}["lb-1"] is None


def test_they_run_what_every_machine_runs_and_no_more(workplace: Workplace) -> None:
    workplace.write(dedicated(), lambda spec: spec["networking"].update(cni="bridge"))
    workplace.render()
    tree = workplace.tree("lb-1")
    units = {path.rpartition("/")[2] for path in tree if path.startswith("/etc/systemd/system/")}
    assert units == {
        *("nodeseed.target", "nodeseed-node.target"),
        *(f"nodeseed-{name}.service" for name in ("install", "preflight", "network", "scrub")),
        *("haproxy.service", "keepalived.service"),
    }
    config = json.loads(tree["/etc/nodeseed/config.json"])
    assert set(config["programs"]) == {"haproxy -v", "keepalived -v", "curl -V"}
    assert not {"server", "kubernetesVersion", "podRoutes", "etcd"} & set(config)
    config = json.loads(workplace.tree("cp-1")["/etc/nodeseed/config.json"])
    assert "haproxy -v" not in config["programs"]


def test_they_are_no_nodes_of_kubernetes() -> None:
    networks = {"nodeSubnet": "10.0.0.0/24", "podSubnet": "10.244.0.0/22"}
    design = design_of(dedicated(), lambda spec: spec["networking"].update(networks))
    assert [m.name for m in design.machines if m.is_node] == ["cp-1", "cp-2", "cp-3", "worker-1"]


def test_the_endpoint_has_the_api_servers_port_at_every_address_of_theirs() -> None:
    design = design_of(dedicated())
    assert design.endpoint_url == "https://api.test.example.com:6443"
    lines = file_of("/etc/haproxy/haproxy.cfg", 4, dedicated())
    assert [line.strip() for line in lines if "bind" in line] == ["bind :6443", HEALTH]
    assert "  server cp-3 10.0.0.13:6443 track ready/cp-3" in lines
    flags = context(design, design.machines[0])["api_server_arguments"]
    assert "permit-port-sharing" not in [flag["name"] for flag in flags]
    assert context(design, design.machines[0])["hosts"]["10.0.0.11"][1:] == ["api.test.example.com"]
    assert context(design, design.machines[3])["hosts"][VIRTUAL] == ["api.test.example.com"]


def test_an_address_as_endpoint_may_have_any_port() -> None:
    change = dedicated(host=VIRTUAL, port=443)
    assert design_of(change).endpoint_url == f"https://{VIRTUAL}:443"
    lines = file_of("/etc/haproxy/haproxy.cfg", 4, change)
    assert [line.strip() for line in lines if "bind" in line] == ["bind :443", HEALTH]


def test_they_name_each_other_and_ask_their_own_haproxy() -> None:
    lines = file_of("/etc/keepalived/keepalived.conf", 5, dedicated())
    asked = next(line for line in lines if "script " in line and "curl" in line)
    assert asked.rpartition(" --")[2] == 'unix-socket /run/nodeseed/haproxy.sock http://haproxy/"'
    assert "  unicast_src_ip 10.0.0.32" in lines
    assert "    10.0.0.31" in lines
    assert "    10.0.0.11" not in lines


def packages(spec: dict[str, Any]) -> None:
    spec["etcd"] = {"run": "static-pod"}
    key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    spec["kubernetes"]["software"] = {"source": "packages", "packages": {"key": key}}


def test_they_get_three_packages() -> None:
    design = design_of(dedicated(), packages)
    found = package_versions(design, design.machines[4])
    assert found == {"haproxy": "", "keepalived": "", "curl": ""}


def test_one_is_enough() -> None:
    lines = file_of(
        "/etc/keepalived/keepalived.conf", 4, dedicated(), lambda spec: spec["nodes"].pop()
    )
    assert not [line for line in lines if "unicast_peer" in line]


BAD: dict[str, tuple[list[Change], str]] = {
    "nothing for them to do": (
        [dedicated(), lambda spec: spec.update(endpoint={"host": "api.test.example.com"})],
        (
            "nodes[4].role: lb-1 would run nothing: endpoint external has no use for nodes of role "
            "load-balancer; write endpoint.provider: haproxy-keepalived"
        ),
    ),
    "another port than where the name leads on control planes": (
        [dedicated(port=8443)],
        (
            "endpoint.port: nothing would listen on port 8443 of a control plane, where "
            "api.test.example.com means the node itself; write port 6443, as apiServer.port"
        ),
    ),
    "one of them elsewhere": (
        [
            dedicated(),
            lambda spec: spec["nodes"][5].update(address="10.0.9.32"),
            lambda spec: spec["networking"].update(
                nodeSubnet=None, subnets=[{"cidr": "10.0.0.0/24"}, {"cidr": "10.0.9.0/24"}]
            ),
        ],
        "endpoint.address: lb-2 has no address in 10.0.0.0/24, so 10.0.0.100 cannot move to it",
    ),
    "labels": (
        [dedicated(), lambda spec: spec["nodes"][4].update(labels={"a": "b"})],
        "nodes[4]: lb-1 has labels or taints, but of role load-balancer it is no Kubernetes Node",
    ),
    "the virtual address is one of theirs": (
        [dedicated(address="10.0.0.31")],
        "endpoint.address: 10.0.0.31 is the address of node lb-1; use a free address",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    assert_refused(*BAD[case])
