"""Workers that balance the API for themselves: names, ports, their files, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodeseed.nodes.plan import context, sets
from nodeseed.nodes.software import package_versions
from nodeseed.render.templates import render_file
from tests.conftest import Change, Workplace, design_of
from tests.nodes.changes import assert_refused


def local(**fields: Any) -> Change:
    return lambda spec: spec["endpoint"].update(provider="node-local", **fields)


def at_port(port: int) -> list[Change]:
    return [local(port=port), lambda spec: spec.update(apiServer={"port": port})]


def file_of(path: str, *changes: Change) -> str:
    design = design_of(*changes)
    values = context(design, design.machines[3])
    return render_file("endpoint-node-local", path, values)


def test_only_workers_balance_and_only_for_themselves() -> None:
    design = design_of(local())
    balancing = [m.name for m in design.machines if "endpoint-node-local" in sets(design, m)]
    assert balancing == ["worker-1"]
    lines = file_of("/etc/haproxy/haproxy.cfg", local()).splitlines()
    assert [line.strip() for line in lines if "bind" in line] == ["bind 127.0.0.1:6443"]
    assert [line.strip() for line in lines if "  server " in line] == [
        *(f"server cp-{n} 10.0.0.1{n}:6443" for n in (1, 2, 3)),
        *(f"server cp-{n} 10.0.0.1{n}:6443 track ready/cp-{n}" for n in (1, 2, 3)),
    ]


def test_the_name_means_every_machine_itself() -> None:
    design = design_of(local())
    hosts = [context(design, machine)["hosts"] for machine in design.machines]
    assert hosts[0] == {"10.0.0.11": ["cp-1", "api.test.example.com"]}
    assert hosts[3] == {"10.0.0.21": ["worker-1"], "127.0.0.1": ["api.test.example.com"]}
    assert design.endpoint_url == "https://api.test.example.com:6443"


def test_another_port_is_the_same_everywhere() -> None:
    text = file_of("/etc/haproxy/haproxy.cfg", *at_port(7443))
    assert "  bind 127.0.0.1:7443" in text.splitlines()
    assert "  server cp-2 10.0.0.12:7443 track ready/cp-2" in text.splitlines()


def test_workers_need_haproxy(workplace: Workplace) -> None:
    workplace.write(local())
    workplace.render()
    config = json.loads(workplace.tree("worker-1")["/etc/nodeseed/config.json"])
    assert "haproxy -v" in config["programs"]
    assert config["server"] == "https://api.test.example.com:6443"
    config = json.loads(workplace.tree("cp-1")["/etc/nodeseed/config.json"])
    assert "haproxy -v" not in config["programs"]


def test_workers_get_it_as_a_package() -> None:
    def packages(spec: dict[str, Any]) -> None:
        spec["etcd"] = {"run": "static-pod"}
        key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
        spec["kubernetes"]["software"] = {"source": "packages", "packages": {"key": key}}

    design = design_of(local(), packages)
    wanted = [package_versions(design, machine) for machine in design.machines]
    assert ["haproxy" in one for one in wanted] == [False, False, False, True]


def test_a_new_worker_changes_no_other(workplace: Workplace) -> None:
    workplace.write(local())
    workplace.render()
    workplace.write(
        local(),
        lambda spec: spec["nodes"].append(
            {"name": "worker-2", "role": "worker", "address": "10.0.0.22"}
        ),
    )
    assert workplace.render().changed == ["worker-2"]


BAD: dict[str, tuple[list[Change], str]] = {
    "the kubelet's port": (
        at_port(10250),
        (
            "endpoint.port: haproxy cannot have port 10250 on workers: it belongs to the kubelet; "
            "write another for endpoint.port and apiServer.port, such as 6443"
        ),
    ),
    "a node port": (
        [local(), lambda spec: spec.update(apiServer={"port": 30443}), local(port=30443)],
        "endpoint.port: haproxy cannot have port 30443 on workers: it belongs to node ports",
    ),
    "another port than the API server's": (
        [local(port=8443)],
        (
            "endpoint.port: nothing would listen on port 8443 of a control plane, where "
            "api.test.example.com means the node itself; write port 6443, as apiServer.port"
        ),
    ),
    "an address as host": (
        [local(host="10.0.0.100")],
        "endpoint.host: node-local needs a name: on workers it means 127.0.0.1",
    ),
    "a virtual address": ([local(address="10.0.0.100")], "endpoint.address: unknown key"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    assert_refused(*BAD[case])
