"""LVS: what keepalived and the kernel are told, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from nodeseed.nodes.plan import context, sets
from nodeseed.nodes.software import package_versions
from nodeseed.render.templates import file_set, render_file
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import assert_refused

VIRTUAL = "10.0.0.100"
SET = "endpoint-lvs-keepalived"


def lvs(**fields: Any) -> Change:
    return lambda spec: spec["endpoint"].update(
        {"provider": "lvs-keepalived", "address": VIRTUAL, **fields}
    )


def dedicated(spec: dict[str, Any]) -> None:
    for number in (1, 2):
        node = {"name": f"lb-{number}", "role": "load-balancer", "address": f"10.0.0.3{number}"}
        spec["nodes"].append(node)


def ipv6(spec: dict[str, Any]) -> None:
    spec["endpoint"] = {"host": "fd00::100", "provider": "lvs-keepalived"}
    spec["networking"].update(
        podSubnet="fd01::/48", serviceSubnet="fd02::/112", nodeSubnet="fd00::/64"
    )
    for number, node in enumerate(spec["nodes"]):
        node["address"] = f"fd00::1{number}"


def file_of(name: str, *changes: Change, node: int = 0) -> list[str]:
    design = design_of(*changes)
    (path,) = [path for path in file_set(SET) if path.endswith(f"/{name}")]
    return render_file(SET, path, context(design, design.machines[node])).splitlines()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [([lvs()], ["cp-1", "cp-2", "cp-3"]), ([lvs(), dedicated], ["lb-1", "lb-2"])],
    ids=["on-control-planes", "on-nodes-of-their-own"],
)
def test_who_balances(changes: list[Change], expected: list[str]) -> None:
    design = design_of(*changes)
    assert [m.name for m in design.machines if SET in sets(design, m)] == expected
    assert design.endpoint_url == "https://api.test.example.com:6443"


@pytest.mark.parametrize("node", [0, 4])
def test_every_api_server_is_asked_and_balanced(node: int) -> None:
    changes = [lvs()] if node == 0 else [lvs(), dedicated]
    lines = [line.strip() for line in file_of("keepalived.conf", *changes, node=node)]
    assert f"virtual_server {VIRTUAL} 6443 {{" in lines
    assert [line for line in lines if line.startswith("real_server")] == [
        f"real_server 10.0.0.1{n} 6443 {{" for n in (1, 2, 3)
    ]
    assert lines.count("path /readyz") == lines.count("SSL_GET {") == 3
    assert f"unicast_src_ip 10.0.0.{'11' if node == 0 else '31'}" in lines


def test_what_is_balanced_takes_the_nodes_address() -> None:
    lines = file_of("lvs.nft", lvs())
    rule = f"meta l4proto tcp ct original ip daddr {VIRTUAL} ct original proto-dst 6443 masquerade"
    assert f"    {rule}" in lines
    assert "net.ipv4.vs.conntrack = 1" in file_of("99-nodeseed-lvs.conf", lvs())


def test_a_control_plane_that_is_sent_to_itself_keeps_the_packet() -> None:
    chain = "type route hook output priority filter"
    lines = [line.strip() for line in file_of("lvs.nft", lvs())]
    assert chain in lines
    (rule,) = [line for line in lines if line.endswith("meta mark set meta mark xor 1")]
    assert f"ct original ip daddr {VIRTUAL} ct original proto-dst 6443 fib daddr type local" in rule
    assert chain not in "\n".join(file_of("lvs.nft", lvs(), dedicated, node=4))


def test_ipv6() -> None:
    lines = file_of("keepalived.conf", ipv6)
    assert "virtual_server fd00::100 6443 {" in lines
    assert "  real_server fd00::11 6443 {" in lines
    rule = "meta l4proto tcp ct original ip6 daddr fd00::100 ct original proto-dst 6443 masquerade"
    assert f"    {rule}" in file_of("lvs.nft", ipv6)
    assert file_of("99-nodeseed-lvs.conf", ipv6)[0] == "net.ipv6.conf.all.forwarding = 1"


def test_it_needs_two_programs_and_knows_no_haproxy(workplace: Workplace) -> None:
    workplace.write(lvs())
    workplace.render()
    tree = workplace.tree("cp-1")
    programs = json.loads(tree["/etc/nodeseed/config.json"])["programs"]
    assert {"keepalived -v", "nft --version"} <= programs.keys()
    assert "haproxy" not in yaml.safe_dump(tree)
    assert "permit-port-sharing" not in tree["/etc/kubernetes/kubeadm.yaml"]


def test_its_packages() -> None:
    def packages(spec: dict[str, Any]) -> None:
        spec["etcd"] = {"run": "static-pod"}
        key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
        spec["kubernetes"]["software"] = {"source": "packages", "packages": {"key": key}}

    design = design_of(lvs(), dedicated, packages)
    found = package_versions(design, design.machines[4])
    assert found == {"keepalived": "", "nftables": ""}


def one_control_plane(spec: dict[str, Any]) -> None:
    del spec["nodes"][1:3]


def ipvs(*spared: str) -> Change:
    configuration = {"ipvs": {"excludeCIDRs": list(spared)}} if spared else {}
    return lambda spec: spec.update(proxy={"mode": "ipvs", "configuration": configuration})


BAD: dict[str, tuple[list[Change], str]] = {
    "one control plane": (
        [lvs(), one_control_plane],
        (
            "endpoint.provider: lvs-keepalived has nothing to balance with 1 control plane; "
            "use 3 control planes, or write `provider: external`"
        ),
    ),
    "another port": (
        [lvs(port=8443)],
        "endpoint.port: nothing would listen on port 8443 of a control plane",
    ),
    "kube-proxy's IPVS on the same machines": (
        [lvs(), ipvs()],
        (
            "proxy.mode: kube-proxy in mode ipvs would remove what balances 10.0.0.100 on control "
            "planes; write proxy.configuration.ipvs.excludeCIDRs: [10.0.0.100/32], or another"
        ),
    ),
    "kube-proxy's IPVS that spares another address": (
        [lvs(), ipvs("10.0.0.101/32")],
        "proxy.mode: kube-proxy in mode ipvs would remove what balances 10.0.0.100",
    ),
    "an address outside": (
        [lvs(address="10.9.0.1")],
        "endpoint.address: 10.9.0.1 lies in no subnet of the machines; use a free address in 10.0",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    assert_refused(*BAD[case])


def test_both_kinds_of_ipvs_get_along_where_they_are_told_to() -> None:
    design_of(lvs(), ipvs(f"{VIRTUAL}/32"))
    design_of(lvs(), dedicated, ipvs())
