"""How the software comes onto the machines."""

from __future__ import annotations

from collections.abc import Iterator

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.spec.source import Path


def software(whole: Whole) -> Iterator[Problem]:
    """The chosen way has what it needs, and nothing is written for another one."""
    wanted, at = whole.cluster.kubernetes.software, ("kubernetes", "software")
    blocks = {"baked": wanted.baked, "packages": wanted.packages, "binaries": wanted.binaries}
    for way, block in blocks.items():
        if wanted.source == way != "baked" and block is None:
            yield whole.problem(
                (*at, "source"), f"{way} without {'.'.join(at)}.{way}", "add that block"
            )
        elif wanted.source != way and block is not None:
            yield whole.problem(
                (*at, way), f"nobody would read it (source: {wanted.source})",
                f"write `source: {way}`, or take it out",
            )  # fmt: skip
    if wanted.source == "packages":
        yield from _packages(whole)
    if wanted.binaries and whole.cluster.controlPlane.manifests == "kubeadm":
        for program in ("kubeadm", "kubectl"):
            if getattr(wanted.binaries.sha256, program) is None:
                yield whole.problem(
                    (*at, "binaries", "sha256", program),
                    "is missing, and control planes need the program",
                    "add it, or write `controlPlane.manifests: rendered`",
                )


def _packages(whole: Whole) -> Iterator[Problem]:
    packages, at = whole.cluster.kubernetes.software.packages, _at("packages")
    if whole.cluster.etcd.run == "systemd":
        yield whole.problem(
            ("etcd", "run") if whole.source.value(("etcd", "run")) else _at("source"),
            "pkgs.k8s.io has no package with etcd",
            "write `etcd.run: static-pod`, whose image has it, or another kubernetes.software",
        )
    if packages is None:
        return
    keys = [((*at, "key"), packages.key)]
    keys += [
        ((*at, "repositories", index, "key"), repository.key)
        for index, repository in enumerate(packages.repositories)
    ]
    for path, key in keys:
        if "-----BEGIN PGP PUBLIC KEY BLOCK-----" not in key:
            yield whole.problem(
                path, "this is no OpenPGP key in ASCII armour",
                "put the text of its file here, from -----BEGIN PGP PUBLIC KEY BLOCK----- on",
            )  # fmt: skip


def _at(name: str) -> Path:
    return ("kubernetes", "software", name)
