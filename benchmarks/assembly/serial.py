"""The classical way: one machine after another, as kubeadm's documentation has it.

https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/, with
stacked etcd. Everything that is not assembly is the same as ours, taken from nodeseed's own
user-data: containerd's settings, sysctls, pod network, routes, haproxy, keepalived. What the
operator does is done without any pause, so this is the fastest operator that there is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from nodeseed_lab.errors import LabError
from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine

Joining = dict[str, list[str]]  # arguments of `kubeadm join`, by role

LINES = 20
UNIT = "kubeadm"  # the journal of a machine knows by it what kubeadm said when

# What a machine needs whichever way it becomes a node, by the start of the path.
PREPARATION = (
    "/etc/cni/",
    "/etc/containerd/",
    "/etc/haproxy/",
    "/etc/keepalived/",
    "/etc/kubernetes/patches/",
    "/etc/modules-load.d/",
    "/etc/nodeseed/config.json",
    "/etc/nodeseed/hosts",
    "/etc/nodeseed/pods.nft",
    "/etc/resolv.pods.conf",
    "/etc/sysctl.d/",
    "/etc/systemd/system/haproxy.service",
    "/etc/systemd/system/keepalived.service",
    "/etc/systemd/system/nodeseed-network.service",
    "/etc/systemd/system/nodeseed-routes.service",
    "/usr/local/lib/nodeseed/node.py",
)
UNITS = ("nodeseed-network", "nodeseed-routes", "haproxy", "keepalived")
_STAGING = re.compile(r"^/var/lib/nodeseed/incoming/[^/]+")

# As in Kubernetes' packages.
KUBELET = {
    "/etc/systemd/system/kubelet.service": """\
[Unit]
Description=kubelet: The Kubernetes Node Agent
Wants=network-online.target
After=network-online.target
[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10
[Install]
WantedBy=multi-user.target
""",
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf": """\
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf\
 --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS
""",
}
CONFIGURATION = "/etc/kubernetes/kubeadm.yaml"
# Its kernel's configuration, memory and swap are not a container's own.
TOLERATE = "--ignore-preflight-errors=SystemVerification,Mem,Swap,NumCPU"


def prepare(lab: Lab) -> None:
    """Put user-data that only prepares the machines in the place of nodeseed's."""
    for name in lab.machines:
        path = lab.out / name / "user-data"
        path.write_text("#cloud-config\n" + yaml.safe_dump(user_data(path)), encoding="utf-8")


def user_data(ours: Path) -> dict[str, Any]:
    """Give the cloud-config of a machine that is ready for kubeadm.

    Args:
        ours: the node's user-data from nodeseed.
    """
    document: dict[str, Any] = yaml.safe_load(ours.read_text(encoding="utf-8"))
    files = []
    for file in document["write_files"]:
        path = _STAGING.sub("", file["path"])
        if path == CONFIGURATION:
            files.append({**file, "path": path, "content": configuration(file["content"])})
        elif path.startswith(PREPARATION):
            files.append({**file, "path": path})
    files += [{"path": path, "content": content} for path, content in KUBELET.items()]
    there = {file["path"] for file in files}
    units = [unit for unit in UNITS if f"/etc/systemd/system/{unit}.service" in there]
    return {
        **document,
        "write_files": files,
        "runcmd": [
            "mkdir -p /run/nodeseed",
            "systemctl daemon-reload",
            "systemctl enable kubelet",
            f"systemctl start --no-block {' '.join(units)}",
            "systemctl restart containerd",
        ],
    }


def configuration(ours: str) -> str:
    """Give the first node's kubeadm configuration: ours, with kubeadm's own CA and own etcd."""
    documents = list(yaml.safe_load_all(ours))
    by_kind = {document["kind"]: document for document in documents}
    cluster = by_kind["ClusterConfiguration"]
    del cluster["etcd"]
    # kubeadm's kubelets sign their own serving certificates, and renew their client certificates
    del cluster["apiServer"]["extraArgs"]
    cluster["apiServer"]["certSANs"].append("127.0.0.1")  # where keepalived's check asks
    del by_kind["KubeletConfiguration"]["rotateCertificates"]
    return yaml.safe_dump_all(documents, sort_keys=False)


def initialise(lab: Lab) -> Joining:
    """Make the first node; fetch the administrator's kubeconfig, and what the others need."""
    first = next(iter(lab.machines.values()))
    first.exec("cloud-init", "status", "--wait")  # its exit code also tells of mere warnings
    kubeadm(first, "init", f"--config={CONFIGURATION}", "--upload-certs", TOLERATE)
    (lab.out / "admin.conf").write_text(first.read("/etc/kubernetes/admin.conf"), encoding="utf-8")
    return joining(said_by_kubeadm(first))


def join(lab: Lab, arguments: Joining) -> None:
    """Make each other node, as soon as the one before is done."""
    roles = {machine.name: machine.role for machine in lab.design.machines}
    for machine in list(lab.machines.values())[1:]:
        kubeadm(machine, "join", *arguments[roles[machine.node]], TOLERATE)


def kubeadm(machine: LabMachine, *arguments: str) -> None:
    """Run kubeadm in a unit, so that the journal keeps what it said when."""
    code, _ = machine.exec(
        "systemd-run", "--quiet", "--wait", f"--unit={UNIT}", "kubeadm", *arguments
    )
    if code:
        said = "\n".join(said_by_kubeadm(machine).splitlines()[-LINES:])
        raise LabError(f"{machine.node}: kubeadm {arguments[0]} ended with {code}:\n{said}")


def said_by_kubeadm(machine: LabMachine) -> str:
    """What it printed."""
    return machine.run("journalctl", f"--unit={UNIT}", "--output=cat", "--no-pager")


def joining(said: str) -> Joining:
    """Give the arguments of `kubeadm join` by role.

    Args:
        said: what `kubeadm init` printed.
    """
    endpoint, token, authority = re.findall(
        r"kubeadm join (\S+) --token (\S+) \\\s+--discovery-token-ca-cert-hash (\S+)", said
    )[0]
    key = re.findall(r"--certificate-key (\S+)", said)[0]
    worker = [endpoint, f"--token={token}", f"--discovery-token-ca-cert-hash={authority}"]
    return {
        "worker": worker,
        "control-plane": [*worker, "--control-plane", f"--certificate-key={key}"],
    }
