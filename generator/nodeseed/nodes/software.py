"""How the software comes onto one machine: lists for nodeseed-software.service.

Not cloud-config's `packages`, which cloud-init tries once: our unit waits and says for what.
"""

from __future__ import annotations

from typing import Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine, has_kubelet
from nodeseed.nodes.metadata import needs_nft
from nodeseed.nodes.proxy import PROXY_MODES
from nodeseed.nodes.rendered import is_rendered
from nodeseed.nodes.storage import storage_packages
from nodeseed.spec.software import AptRepository, Packages
from nodeseed.spec.versions import minor_of

# What a machine needs of Kubernetes, by its role; an etcd node has a kubelet for etcd's static pod.
_PROGRAMS: Final = {
    "control-plane": ("kubelet", "kubeadm", "kubectl"),
    "worker": ("kubelet",),
    "etcd": ("kubelet",),
}

# Debian's packages of programs that are not called so.
_PACKAGES: Final = {"nft": "nftables"}


def _programs(design: Design, machine: Machine) -> tuple[str, ...]:
    if not has_kubelet(design.cluster, machine):
        return ()
    return ("kubelet",) if is_rendered(design) else _PROGRAMS[machine.role]


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


def package_versions(design: Design, machine: Machine) -> dict[str, str]:
    """The ``packages`` of /etc/nodeseed/config.json; empty unless the software comes from packages.

    Returns:
        The version that each must have at least, or an empty text; those with one are held.
    """
    packages = design.cluster.kubernetes.software.packages
    if packages is None:
        return {}
    wanted = dict.fromkeys(_programs(design, machine), design.cluster.kubernetes.version)
    if wanted:
        wanted[packages.containerd] = ""
    if machine.is_node and design.cluster.networking.cni == "bridge":
        wanted["kubernetes-cni"] = ""
    wanted.update(dict.fromkeys(debian_packages(design, machine), ""))
    return wanted


def debian_packages(design: Design, machine: Machine) -> list[str]:
    """Debian's packages for what the cluster file chose, beside those of every node."""
    found = []
    if design.balances(machine):
        programs = (program.split()[0] for program in design.endpoint.programs)
        found += [_PACKAGES.get(program, program) for program in programs]
    if needs_nft(design, machine):
        found.append("nftables")
    found += storage_packages(design, machine)
    if machine.is_node:
        found += PROXY_MODES[design.proxy_mode].packages
    return found


def package_sources(design: Design) -> dict[str, str]:
    """apt's sources and the keys that sign them, by path; apt reads keys in ASCII armour itself."""
    packages = design.cluster.kubernetes.software.packages
    if packages is None:
        return {}
    url = _repository(packages, design.cluster.kubernetes.version)
    kubernetes = AptRepository(
        name="kubernetes", source=f"deb [signed-by=$KEY_FILE] {url} /", key=packages.key
    )
    files = {}
    for repository in (kubernetes, *packages.repositories):
        key = f"/etc/apt/keyrings/{repository.name}.asc"
        files[key] = repository.key
        files[f"/etc/apt/sources.list.d/{repository.name}.list"] = (
            repository.source.replace("$KEY_FILE", key) + "\n"
        )
    return files


def _repository(packages: Packages, version: str) -> str:
    return f"{packages.url.rstrip('/')}/v{minor_of(version)}/deb/"


def is_baked(design: Design) -> bool:
    """Whether the machines' image brings the software along."""
    return design.cluster.kubernetes.software.source == "baked"


def image_name(design: Design) -> str:
    """What an image that was baked for a cluster is called."""
    return f"nodeseed-{design.cluster.kubernetes.version}"
