"""A node's very user-data on Debian's kernel, read by cloud-init from the machine's power-on."""

from __future__ import annotations

from pathlib import Path

from nodeseed_lab.qemu.hardware import UserNetwork
from tests.qemu.conftest import MakeMachine, Render

NODE = "worker-1"


def test_a_worker_says_on_its_console_what_its_image_lacks(
    render: Render, machine: MakeMachine, tmp_path: Path
) -> None:
    rendered = render(time={"source": "host"})
    (address,) = (m.address for m in rendered.design.machines if m.name == NODE)
    network = UserNetwork("10.0.0.0/24", str(address))
    worker = machine(NODE, seed=rendered.out / NODE, networks=[network])
    worker.start()
    worker.wait_for(f"nodeseed {NODE}: install: revision 1 ")
    said = worker.wait_for(f"nodeseed {NODE}: preflight: ")
    assert "kubelet 1.37.2 is needed" in said

    worker.wait_agent()
    assert worker.steps().keys() == {"install", "preflight"}
    assert worker.run("hostname").strip() == NODE
    assert f" {address}/24 " in worker.run("ip", "-br", "address")
    # a warning is no error: this image has no ssh-keygen
    assert "\nerrors: []\n" in worker.exec("cloud-init", "status", "--wait", "--long")[1]
    root = rendered.install(NODE, tmp_path / NODE)
    files = [f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file()]
    missing = worker.run(
        "sh", "-c", 'for file; do test -e "$file" || echo "$file"; done', "sh", *files
    )
    assert missing == ""
    assert worker.run("find", "/var/lib/nodeseed/incoming", "-mindepth", "1") == ""
