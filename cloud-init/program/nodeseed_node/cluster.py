"""What a cluster needs once, by kubeadm and kubectl.

kubeadm's phases create or update blindly.
"""

from __future__ import annotations

import json

from nodeseed_node.control_plane import ask, kubeadm
from nodeseed_node.machine import Machine
from nodeseed_node.once import due

SUPER = "etc/kubernetes/super-admin.conf"


def kubectl(m: Machine, arguments: str, stdin: str = "") -> str:
    """Ask this node's API server, with the most power that this node has.

    Raises:
        OSError: It said no.
    """
    return ask(m, f"kubectl --kubeconfig=/{SUPER} {arguments}", stdin)


def cluster(m: Machine) -> int:
    """Do the cluster's part, then mark our own node, which the kubelet may not do itself.

    Afterwards nobody needs the power of super-admin.conf: it becomes the same as admin.conf. It
    cannot go, since kubeadm insists on a file that is whole: its CA counts in every phase
    (cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go, ValidateKubeconfigsForExternalCA), its key
    where kubeadm looks after the binding (there, EnsureAdminClusterRoleBinding), its certificate
    where it tells of all certificates (phases/certs/renewal/readwriter.go).
    """
    steps = (lambda: _once(m), lambda: kubeadm(m, "mark-control-plane"))
    # All may do it at once; it costs less if the others come to it later, and find it done.
    for step in steps if m.config["clusterFirst"] else reversed(steps):
        m.until(step)
    m.write(SUPER, m.text("etc/kubernetes/admin.conf"), 0o600)
    m.say(f"revision {m.config['clusterRevision']} applied, node marked")
    return 0


def _once(m: Machine) -> str:
    get = "get configmap -n kube-system --ignore-not-found -o json nodeseed kubeadm-config"
    mark, current = due(m, json.loads(kubectl(m, get) or "{}").get("items", []))
    if mark:
        if current:
            # CoreDNS last: its first connection needs what kube-proxy programs
            for phase in "addon kube-proxy", "upload-config all", "addon coredns":
                kubeadm(m, phase)
        apply = "apply --server-side --force-conflicts -f "
        kubectl(m, apply + "/etc/nodeseed/manifests")
        kubectl(m, apply + "-", json.dumps(mark))
    return ""
