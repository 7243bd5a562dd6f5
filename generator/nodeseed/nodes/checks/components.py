"""The operator's own fields of components' configurations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole

_DOCUMENT: Final = {"apiVersion": "nodeseed writes it", "kind": "nodeseed writes it"}

# Fields that are decided elsewhere, with the reason, for each block of the cluster file.
DECIDED: Final[dict[str, dict[str, str]]] = {
    "kubelet": {
        **_DOCUMENT,
        "authentication": "API servers show certificates of the cluster's own CA",
        "authorization": "the API server decides who may ask a kubelet",
        "clusterDNS": "it follows from networking.serviceSubnet",
        "clusterDomain": "write networking.dnsDomain",
        "containerRuntimeEndpoint": "nodeseed sets containerd up",
        "enableServer": "logs, exec and metrics need it",
        "port": "API servers and the certificates of kubelets know 10250",
        "providerID": "it differs from node to node",
        "registerWithTaints": "write the taints of nodes and pools",
        "rotateCertificates": "write pki.caKeysOnNodes",
        "serverTLSBootstrap": "serving certificates are there before the machine is",
        "staticPodPath": "kubeadm writes its manifests to /etc/kubernetes/manifests",
        "tlsCertFile": "serving certificates are there before the machine is",
        "tlsPrivateKeyFile": "serving certificates are there before the machine is",
    },
    "proxy": {
        **_DOCUMENT,
        "clusterCIDR": "it follows from networking.podSubnet",
        "hostnameOverride": "it differs from node to node",
        "mode": "write proxy.mode",
    },
}
CGROUP_DRIVERS: Final = ("systemd", "cgroupfs")  # those that containerd knows


def configuration(whole: Whole) -> Iterator[Problem]:
    """A component's further fields leave those alone that other parts of the file decide."""
    cluster = whole.cluster
    for block, fields in (
        ("kubelet", cluster.kubelet.configuration),
        ("proxy", cluster.proxy.configuration),
    ):
        for name in fields:
            reason = DECIDED[block].get(name)
            if reason:
                yield whole.problem(
                    (block, "configuration", name), f"{name} is not yours to set", reason
                )
    driver = cluster.kubelet.configuration.get("cgroupDriver", CGROUP_DRIVERS[0])
    if driver not in CGROUP_DRIVERS:
        yield whole.problem(
            ("kubelet", "configuration", "cgroupDriver"),
            f"{driver!r} is no cgroup driver",
            f"write {' or '.join(CGROUP_DRIVERS)}; containerd is set to the same",
        )
