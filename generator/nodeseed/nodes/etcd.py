"""What an etcd member is configured with. Pure."""

from __future__ import annotations

from nodeseed.nodes.design import CLIENT_PORT, PEER_PORT, Design, url
from nodeseed.nodes.machine import Machine
from nodeseed.nodes.sizes import size_flags
from nodeseed.pki.references import ETCD_TOKEN


def etcd_run(design: Design, machine: Machine) -> str:
    """How the machine runs etcd: systemd or static-pod; empty where it is no member."""
    return design.cluster.etcd.run if machine.name in design.etcd_names else ""


def etcd_settings(design: Design, machine: Machine) -> dict[str, str]:
    """etcd's flags, as kubeadm writes them into its static pod."""
    client, peer = url(machine.address, CLIENT_PORT), url(machine.address, PEER_PORT)
    pki = "/etc/kubernetes/pki/etcd"
    settings = {
        "name": machine.name,
        "data-dir": "/var/lib/etcd",
        "advertise-client-urls": client,
        "listen-client-urls": f"{url('127.0.0.1', CLIENT_PORT)},{client}",
        "initial-advertise-peer-urls": peer,
        "listen-peer-urls": peer,
        "listen-metrics-urls": "http://127.0.0.1:2381",
        "initial-cluster": ",".join(f"{name}={at}" for name, at in design.peer_urls.items()),
        "initial-cluster-token": ETCD_TOKEN,
        # The cautious default: only the membership decision ever says "new".
        "initial-cluster-state": "existing",
        "client-cert-auth": "true",
        "cert-file": f"{pki}/server.crt",
        "key-file": f"{pki}/server.key",
        "trusted-ca-file": f"{pki}/ca.crt",
        "peer-client-cert-auth": "true",
        "peer-cert-file": f"{pki}/peer.crt",
        "peer-key-file": f"{pki}/peer.key",
        "peer-trusted-ca-file": f"{pki}/ca.crt",
        "snapshot-count": "10000",
        **design.etcd.settings,
        **size_flags(design, "etcd"),
    }
    settings.update({extra.name: extra.value for extra in design.cluster.etcd.extraArgs})
    return settings
