"""What the image lacks comes from apt repositories, before anything needs it.

cloud-init's own `packages` are tried once in the life of a machine: a mirror that was away for that
minute, or a power cut in it, would leave a node without a kubelet for good.
"""

from __future__ import annotations

import re

from nodeseed_node.machine import Machine
from nodeseed_node.preflight import numbers


def packages(m: Machine) -> int:
    """Install what is missing or too old; wait for the repositories as long as it takes.

    What is newer stays: an upgrade by hand is not taken back.
    """
    wanted = m.config["packages"]

    def lacking() -> list[str]:
        return [
            name + (f"={version}-*" if version else "")
            for name, version in wanted.items()
            if not _there(m, name, version)
        ]

    names = lacking()
    if names:
        m.say(f"installing {' '.join(names)}")
        m.until(lambda: _install(m, lacking()))
        m.run("systemctl", "daemon-reload")
        m.run("systemctl", "--no-block", "start", "containerd")
    m.run("apt-mark", "hold", *[name for name, version in wanted.items() if version])
    m.say(f"{len(wanted)} packages in place")
    return 0


def _there(m: Machine, name: str, version: str) -> bool:
    code, said = m.run("dpkg-query", "-Wf", "${db:Status-Abbrev}${Version}", name)
    return not code and said[1:2] == "i" and numbers(said[3:]) >= numbers(version)


def _install(m: Machine, names: list[str]) -> str:
    # Packages start their services and wait for them, which here wait for this very step.
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_OFFLINE=1")
    m.run(*quiet, "dpkg", "--configure", "-a", "--force-confold")  # after a power cut
    text = m.run("apt-get", "update")[1]  # repositories that we do not need may be away
    code, said = m.run(
        *quiet,
        "apt-get",
        "install",
        "-fy",
        "--no-install-recommends",
        "--allow-change-held-packages",
        "-oDpkg::Options::=--force-confold",  # our configuration was first
        "-oDPkg::Lock::Timeout=300",  # apt-daily.service at boot
        *names,
    )
    if not code:
        return ""
    cause = re.search("^[EW]: .+", f"{text}\n{said}", re.M)
    said = cause[0] if cause else said[-200:]
    m.say(said)
    m.sleep(10)  # each try asks every repository
    return said
