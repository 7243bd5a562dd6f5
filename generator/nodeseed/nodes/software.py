"""How the software comes onto one machine: cloud-config's own keys, or a list for nodeseed's unit.

apt runs before any unit of ours (cloud-init's order of modules), so packages are cloud-config's;
what comes from a web server is fetched by nodeseed-software.service, which can wait and say so.
"""

from __future__ import annotations

from typing import Any, Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine
from nodeseed.spec.software import Packages
from nodeseed.spec.versions import minor_of

# What a machine needs of Kubernetes, by its role; an etcd node has a kubelet for etcd's static pod.
_PROGRAMS: Final = {
    "control-plane": ("kubelet", "kubeadm", "kubectl"),
    "worker": ("kubelet",),
    "etcd": ("kubelet",),
}


def _programs(design: Design, machine: Machine) -> tuple[str, ...]:
    if machine.role == "etcd" and design.cluster.etcd.run == "systemd":
        return ()
    return _PROGRAMS[machine.role]


def downloads(design: Design, machine: Machine) -> list[dict[str, str]]:
    """The ``software`` of /etc/nodeseed/config.json; empty unless it comes from a web server.

    Returns:
        For each file its url, sha256 and path (without the leading slash), and where they are not
        0755 and a plain file, its mode and what to unpack.
    """
    kubernetes = design.cluster.kubernetes
    binaries = kubernetes.software.binaries
    if binaries is None:
        return []
    base = f"{binaries.url.rstrip('/')}/v{kubernetes.version}/bin/linux/{binaries.architecture}"
    found = [
        {
            "url": f"{base}/{program}",
            "sha256": getattr(binaries.sha256, program),
            "path": f"usr/local/bin/{program}",
        }
        for program in _programs(design, machine)
    ]
    for file in binaries.files:
        if machine.role in file.roles:
            entry = {"url": file.url, "sha256": file.sha256, "path": file.path[1:]}
            if file.mode != "0755":
                entry["mode"] = file.mode
            if file.unpack is not None:
                entry["unpack"] = file.unpack
            found.append(entry)
    return found


def package_settings(design: Design, machine: Machine) -> dict[str, Any]:
    """cloud-config's ``apt`` and ``packages``; empty unless the software comes from packages."""
    packages = design.cluster.kubernetes.software.packages
    if packages is None:
        return {}
    version = design.cluster.kubernetes.version
    repositories = {
        "kubernetes": {
            "source": f"deb [signed-by=$KEY_FILE] {_repository(packages, version)} /",
            "key": packages.key,
        },
        **{r.name: {"source": r.source, "key": r.key} for r in packages.repositories},
    }
    wanted: list[str | list[str]] = [
        [program, f"{version}-*"] for program in _programs(design, machine)
    ]
    wanted.append(packages.containerd)
    if machine.role == "control-plane":
        wanted += [program.split()[0] for program in design.endpoint.programs]
    return {"apt": {"sources": repositories}, "packages": wanted}


def package_commands(design: Design, machine: Machine) -> tuple[str, ...]:
    """Commands that run once, after the packages are there and before any unit of ours."""
    if design.cluster.kubernetes.software.packages is None:
        return ()
    return (f"apt-mark hold {' '.join(_programs(design, machine))}",)


def _repository(packages: Packages, version: str) -> str:
    return f"{packages.url.rstrip('/')}/v{minor_of(version)}/deb/"
