"""What an etcd member is configured with. Pure."""

from __future__ import annotations

from nodeseed.nodes.design import CLIENT_PORT, PEER_PORT, Design, url
from nodeseed.nodes.machine import Machine
from nodeseed.nodes.sizes import size_flags
from nodeseed.pki.references import ETCD_TOKEN
from nodeseed.spec.fields import in_bytes

METRICS_PORT = 2381  # kubeadm's EtcdMetricsPort
DEFAULT_QUOTA = 2 << 30  # etcd server/storage/quota.go, DefaultQuotaBytes


def etcd_run(design: Design, machine: Machine) -> str:
    """How the machine runs etcd: systemd or static-pod; empty where it is no member."""
    return design.cluster.etcd.run if machine.name in design.etcd_names else ""


def etcd_settings(design: Design, machine: Machine) -> dict[str, str]:
    """etcd's flags, as kubeadm writes them into its static pod."""
    client, peer = url(machine.address, CLIENT_PORT), url(machine.address, PEER_PORT)
    pki, etcd = "/etc/kubernetes/pki/etcd", design.cluster.etcd
    settings = {
        "name": machine.name,
        "data-dir": "/var/lib/etcd",
        "advertise-client-urls": client,
        "listen-client-urls": f"{url('127.0.0.1', CLIENT_PORT)},{client}",
        "initial-advertise-peer-urls": peer,
        "listen-peer-urls": peer,
        "listen-metrics-urls": _metrics_urls(design, machine),
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
        **({"quota-backend-bytes": str(in_bytes(etcd.quota))} if etcd.quota else {}),
    }
    settings.update({extra.name: extra.value for extra in etcd.extraArgs})
    return settings


def _metrics_urls(design: Design, machine: Machine) -> str:
    local = f"http://127.0.0.1:{METRICS_PORT}"
    if design.cluster.etcd.metrics == "local":
        return local
    return f"{local},{url(machine.address, METRICS_PORT, scheme='http')}"


def etcd_maintenance(design: Design, machine: Machine) -> dict[str, int]:
    """What the on-node step ``maintenance`` goes by: bytes and seconds; empty where it is off."""
    maintenance = design.cluster.etcd.maintenance
    if maintenance is None:
        return {}
    quota = int(etcd_settings(design, machine).get("quota-backend-bytes", 0))
    return {
        "quota": quota if quota > 0 else DEFAULT_QUOTA,
        "gain": in_bytes(maintenance.minimumGain),
        "interval": int(maintenance.interval.total_seconds()),
    }


def etcd_slot(design: Design, machine: Machine) -> int:
    """The minute of ten in which the machine's timer goes off: each member has its own."""
    return design.etcd_members.index(machine) % 10
