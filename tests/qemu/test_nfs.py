"""An NFS export, which the kernel of containers lacks, mounted with what storage.clients names."""

from __future__ import annotations

from nodeseed_lab.qemu.hardware import Cable
from nodeseed_lab.qemu.machine import Saved
from tests.qemu.conftest import MakeMachine, Render, connect, deliver

PORT = 18049  # of the cable between both


def test_an_nfs_export_mounts(render: Render, machine: MakeMachine, saved: Saved) -> None:
    rendered = render(time={"source": "host"}, storage={"clients": ["nfs"]})
    server, worker = (machine(name, networks=[Cable(PORT)]) for name in ("nfs-server", "worker-1"))
    for there, address in ((server, "10.0.0.50"), (worker, "10.0.0.21")):
        there.resume(saved)
        connect(there, address)
    server.put("/export/file", b"from afar\n")
    server.put("/etc/exports", b"/export 10.0.0.0/24(rw,no_root_squash,fsid=0)\n")
    server.run("systemctl", "start", "nfs-server")

    deliver(worker, rendered)
    said = worker.wait_for("nodeseed worker-1: preflight: ")
    assert "nfs" not in said
    worker.run("mount", "-t", "nfs", "10.0.0.50:/", "/mnt")
    assert worker.read("/mnt/file") == "from afar\n"
    worker.put("/mnt/answer", b"back\n")
    assert server.read("/export/answer") == "back\n"
    worker.run("umount", "/mnt")
