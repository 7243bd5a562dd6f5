"""What a cluster needs once, by whichever control plane comes first, and again after a change.

kubeadm's phases create or update blindly, so a late node with an old configuration would put old
settings back. Our own ConfigMap, written last, says which revision is done and for which version.
"""

from __future__ import annotations

import json

from nodeseed_node.control_plane import kubeadm
from nodeseed_node.machine import Machine
from nodeseed_node.preflight import numbers

SUPER = "etc/kubernetes/super-admin.conf"


def kubectl(m: Machine, *arguments: str, stdin: str = "") -> str:
    """Ask this node's API server, with the most power that this node has.

    Raises:
        OSError: It said no.
    """
    code, said = m.run("kubectl", f"--kubeconfig=/{SUPER}", *arguments, stdin=stdin)
    if code:
        raise OSError(said)
    return said


def cluster(m: Machine) -> int:
    """Do the cluster's part, then mark our own node, which the kubelet may not do itself.

    Afterwards nobody needs the power of super-admin.conf: it becomes the same as admin.conf. It
    cannot go, since kubeadm insists on a file that is whole: its CA counts in every phase
    (cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go, ValidateKubeconfigsForExternalCA), its key
    where kubeadm looks after the binding (there, EnsureAdminClusterRoleBinding), its certificate
    where it tells of all certificates (phases/certs/renewal/readwriter.go).
    """
    steps = [lambda: _once(m), lambda: kubeadm(m, "mark-control-plane")]
    # All may do it at once; it costs less if the others come to it later, and find it done.
    for step in steps if m.config["clusterFirst"] else reversed(steps):
        m.until(step)
    m.write(SUPER, m.text("etc/kubernetes/admin.conf"), 0o600)
    m.say(f"revision {m.config['clusterRevision']} applied, node marked")
    return 0


def _once(m: Machine) -> str:
    config = m.config
    get = "get configmap -n kube-system --ignore-not-found -o json nodeseed kubeadm-config"
    rows = json.loads(kubectl(m, *get.split()) or "{}").get("items", [])
    found = {row["metadata"]["name"]: row for row in rows}
    mark = found.get("nodeseed", {})
    data = mark.get("data", {"revision": 0, "version": ""})
    if int(data["revision"]) >= config["clusterRevision"]:
        return ""
    # somebody may have run `kubeadm upgrade`
    said = json.dumps(found.get("kubeadm-config")).partition("kubernetesVersion:")[2]
    version = max(numbers(data["version"]), numbers(said))
    ours = numbers(config["kubernetesVersion"])
    if version <= ours:
        version = ours
        # CoreDNS last: its first connection needs what kube-proxy programs
        for phase in "addon kube-proxy", "upload-config all", "addon coredns":
            trouble = kubeadm(m, *phase.split())
            if trouble:
                return trouble
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    kubectl(m, *apply, "/etc/nodeseed/manifests")
    metadata = {"name": "nodeseed", "namespace": "kube-system"}
    if mark:  # refused if another node was faster
        metadata["resourceVersion"] = mark["metadata"]["resourceVersion"]
    data = {
        "revision": str(config["clusterRevision"]),
        "version": ".".join(map(str, version)),
    }
    mark = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    kubectl(m, *apply, "-", stdin=json.dumps(mark))
    return ""
