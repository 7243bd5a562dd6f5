"""A machine that has booted, kept between runs: another goes on from there in seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

from nodeseed_lab import cache
from nodeseed_lab.engine import Say
from nodeseed_lab.qemu.emulator import identity
from nodeseed_lab.qemu.image import QemuImage
from nodeseed_lab.qemu.machine import QemuMachine, Saved


def booted(image: QemuImage, say: Say) -> Saved:
    """Give the state of a machine that has booted `image`, without cloud-init and bare of disks.

    Args:
        image: what it boots.
        say: is told what is done.

    Raises:
        LabError: it does not boot.
    """

    def boot(home: Path) -> None:
        say("a QEMU machine boots, to be gone on from (about a minute)")
        folder = home / "machine"
        with QemuMachine("booted", folder, image) as machine:
            machine.start()
            machine.wait_agent()
            machine.exec("systemctl", "is-system-running", "--wait")
            # it has no network, and who goes on from it brings one that networkd knows nothing of
            machine.run("systemctl", "mask", "--quiet", "systemd-networkd-wait-online")
            machine.run("sync")
            machine.save(home)
        shutil.rmtree(folder)

    key = cache.fingerprint(image.home.name, identity(image))
    return Saved(cache.complete(cache.folder("qemu") / f"booted-{key}", boot))
