"""Volumes that `nodeseed iso` wrote, on Debian's kernel, read by cloud-init from power-on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nodeseed_lab.qemu.hardware import UserNetwork, mac_address
from tests.integration.conftest import Rendered
from tests.qemu.conftest import MakeMachine, Render

NODE = "worker-1"


def iso(rendered: Rendered, *arguments: str) -> None:
    """Run the command, as the operator does."""
    spec = rendered.out.with_name("it.yaml")
    subprocess.run(
        [sys.executable, "-m", "nodeseed", "iso", spec, "--out", rendered.out, *arguments],
        check=True,
    )


def network(rendered: Rendered, node: str) -> UserNetwork:
    """A network that gives a node its address."""
    (address,) = (m.address for m in rendered.design.machines if m.name == node)
    return UserNetwork("10.0.0.0/24", str(address))


def test_a_worker_says_on_its_console_what_its_image_lacks(
    render: Render, machine: MakeMachine, tmp_path: Path
) -> None:
    rendered = render(time={"source": "host"})
    iso(rendered, NODE)
    its_own = network(rendered, NODE)
    worker = machine(NODE, seed=rendered.out / f"{NODE}.iso", networks=[its_own])
    worker.start()
    worker.wait_for(f"nodeseed {NODE}: install: revision 1 ")
    said = worker.wait_for(f"nodeseed {NODE}: preflight: ")
    assert "kubelet 1.37.2 is needed" in said

    worker.wait_agent()
    assert worker.steps().keys() == {"install", "preflight"}
    assert worker.run("hostname").strip() == NODE
    assert f" {its_own.address}/24 " in worker.run("ip", "-br", "address")
    assert worker.run("blkid", "-o", "value", "-s", "TYPE", "/dev/disk/by-label/CIDATA") == (
        "iso9660\n"
    )
    # a warning is no error: this image has no ssh-keygen
    assert "\nerrors: []\n" in worker.exec("cloud-init", "status", "--wait", "--long")[1]
    root = rendered.install(NODE, tmp_path / NODE)
    files = [f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file()]
    missing = worker.run(
        "sh", "-c", 'for file; do test -e "$file" || echo "$file"; done', "sh", *files
    )
    assert missing == ""
    assert worker.run("find", "/var/lib/nodeseed/incoming", "-mindepth", "1") == ""


# How each machine is known: by a network card, or by what its firmware says.
MATCH = {
    "cp-1": {"mac": mac_address("cp-1", 0)},
    NODE: {"serial": "7CX3R52", "uuid": "4c4c4544-0051-3910-8052-b4c04f4a3132"},
}


def test_machines_share_a_volume_and_each_takes_its_own_part(
    render: Render, machine: MakeMachine
) -> None:
    roles = {
        "cp-1": {"role": "control-plane", "address": "10.0.0.11"},
        NODE: {"role": "worker", "address": "10.0.0.21"},
    }
    nodes = [{"name": name, **roles[name], "match": match} for name, match in MATCH.items()]
    rendered = render(time={"source": "host"}, nodes=nodes)
    iso(rendered, "--shared")
    machines = [
        machine(
            node,
            seed=rendered.out / "all_machines.iso",
            networks=[network(rendered, node)],
            firmware={} if "mac" in match else match,
        )
        for node, match in MATCH.items()
    ]
    for one in machines:
        one.start()
    for one in machines:
        node = one.node
        one.wait_for(f"nodeseed: this machine is {node}; it restarts")
    for one in machines:
        node = one.node
        one.wait_for(f"nodeseed {node}: install: revision 1 ")
        one.wait_agent()
        assert one.run("hostname").strip() == node
        address = network(rendered, node).address
        assert f" {address}/24 " in one.run("ip", "-br", "address")
        starts = one.run("grep", "-c", "running 'init-local'", "/var/log/cloud-init.log")
        assert starts == "2\n"
