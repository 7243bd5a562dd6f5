"""What changes from one Kubernetes or etcd release to the next, as one table.

Nothing else in nodeseed compares versions: what depends on a release is a column here. Adding a
minor version is adding a row (sources: kubernetes/sig-release notes, kubeadm's constants.go).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesRelease:
    """One minor version of Kubernetes.

    Attributes:
        etcd: the etcd version that kubeadm of this minor version installs by default.
        pause: tag of the sandbox image.
        coredns: tag of the CoreDNS image that kubeadm of this minor version deploys.
        proxy_mode: what kube-proxy gets where the cluster file does not say. nftables is
            generally available since 1.33; from 1.37 kube-proxy warns where no mode is written.
        encryption_algorithms: values of ClusterConfiguration.encryptionAlgorithm that this minor
            version's kubeadm knows (ECDSA-P384 came with 1.34).
    """

    etcd: str
    pause: str
    coredns: str
    proxy_mode: str
    encryption_algorithms: tuple[str, ...]


_ALGORITHMS: Final = ("RSA-2048", "RSA-3072", "RSA-4096", "ECDSA-P256")
_WITH_P384: Final = (*_ALGORITHMS, "ECDSA-P384")


def _release(
    etcd: str, pause: str, coredns: str, proxy_mode: str, algorithms: tuple[str, ...]
) -> KubernetesRelease:
    return KubernetesRelease(
        etcd=etcd,
        pause=pause,
        coredns=coredns,
        proxy_mode=proxy_mode,
        encryption_algorithms=algorithms,
    )


# v1beta4, the only kubeadm API that nodeseed writes, begins with 1.31; v1beta3 is gone from 1.37.
KUBERNETES: Final[dict[str, KubernetesRelease]] = {
    "1.31": _release("3.5.24", "3.10", "v1.11.3", "iptables", _ALGORITHMS),
    "1.32": _release("3.5.24", "3.10", "v1.11.3", "iptables", _ALGORITHMS),
    "1.33": _release("3.5.24", "3.10", "v1.12.0", "nftables", _ALGORITHMS),
    "1.34": _release("3.6.11", "3.10.1", "v1.12.1", "nftables", _WITH_P384),
    "1.35": _release("3.6.11", "3.10.1", "v1.13.1", "nftables", _WITH_P384),
    "1.36": _release("3.6.11", "3.10.2", "v1.14.2", "nftables", _WITH_P384),
    "1.37": _release("3.7.0", "3.10.2", "v1.14.6", "nftables", _WITH_P384),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdRelease:
    """One minor version of etcd: the settings whose names differ.

    Attributes:
        minimum: the oldest patch release that nodeseed writes for. 3.5.24 is the first that can
            be upgraded to 3.6 without zombie members, and kubeadm's minimum for external etcd.
        settings: flag names without dashes, with the values that kubeadm gives them; the
            experimental- prefix ended with 3.6, and 3.7 refuses to start with it.
    """

    minimum: Version
    settings: dict[str, str]


ETCD: Final[dict[str, EtcdRelease]] = {
    "3.5": EtcdRelease(
        minimum=(3, 5, 24),
        settings={
            "experimental-initial-corrupt-check": "true",
            "experimental-watch-progress-notify-interval": "5s",
        },
    ),
    "3.6": EtcdRelease(
        minimum=(3, 6, 0),
        settings={
            "feature-gates": "InitialCorruptCheck=true",
            "watch-progress-notify-interval": "5s",
        },
    ),
    "3.7": EtcdRelease(
        minimum=(3, 7, 0),
        settings={
            "feature-gates": "InitialCorruptCheck=true",
            "watch-progress-notify-interval": "5s",
        },
    ),
}


CONTAINERD: Final = "2.3.5"
"""The release of containerd that goes into an image where the cluster file names none."""

CONTAINERD_MINIMUM: Final = "2.0"
"""The oldest that reads configuration version 3; distributions still have 1.x."""


def parse_version(text: str) -> Version:
    """``"1.37.2"`` as ``(1, 37, 2)``; ValueError where it is no such thing."""
    major, minor, patch = (int(part) for part in text.split("."))
    return major, minor, patch


def minor_of(version: str) -> str:
    """``"1.37.2"`` as ``"1.37"``, the key of the tables above."""
    return version.rsplit(".", 1)[0]
