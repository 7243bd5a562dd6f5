"""What a cluster needs once, by whichever control plane comes first, and again after a change.

kubeadm's phases create or update blindly, so a late node with an old configuration would put old
settings back. Our own ConfigMap, written last, says which revision is done and for which version.
"""

from __future__ import annotations

import json
import re

from nodeseed_node.control_plane import kubeadm
from nodeseed_node.machine import Machine
from nodeseed_node.preflight import numbers

BINDING = (
    "create clusterrolebinding kubeadm:apiserver-kubelet-client"
    " --clusterrole=system:kubelet-api-admin --user=kube-apiserver-kubelet-client"
)
SUPER = "etc/kubernetes/super-admin.conf"


def kubectl(m: Machine, *arguments: str, stdin: str = "") -> str:
    """Ask this node's API server.

    Raises:
        OSError: It said no.
    """
    code, said = m.run(
        "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", *arguments, stdin=stdin
    )
    if code and "already exists" not in said:
        raise OSError(said)
    return said


def cluster(m: Machine) -> int:
    """Mark our own node, which the kubelet may not do itself, then do the cluster's part.

    The first phase that runs also gives admin.conf its power, with the help of super-admin.conf
    (kubeadm phases/kubeconfig/kubeconfig.go, EnsureAdminClusterRoleBinding). Afterwards nobody
    needs that one's credentials: kubeadm looks for the file, and at its CA, in every phase, at
    nothing else of it (same file, ValidateKubeconfigsForExternalCA).
    """
    m.until(lambda: kubeadm(m, "mark-control-plane"))
    m.write(SUPER, re.sub(r"\n *client-\S+-data: \S+", "", m.text(SUPER)), 0o600)
    m.until(lambda: _once(m))
    m.say(f"revision {m.config['clusterRevision']} applied, node marked")
    return 0


def _once(m: Machine) -> str:
    config = m.config
    get = ("get", "-n=kube-system", "--ignore-not-found", "-o=json", "configmap")
    found = json.loads(kubectl(m, *get, "nodeseed") or "{}")
    data = found.get("data", {"revision": 0, "version": ""})
    if int(data["revision"]) >= config["clusterRevision"]:
        return ""
    # somebody may have run `kubeadm upgrade`
    said = kubectl(m, *get, "kubeadm-config").partition("kubernetesVersion:")[2]
    version = max(numbers(data["version"]), numbers(said))
    ours = numbers(config["kubernetesVersion"])
    if version <= ours:
        version = ours
        for phase in "upload-config all", "addon kube-proxy", "addon coredns":
            trouble = kubeadm(m, *phase.split())
            if trouble:
                return trouble
    # lets API servers reach kubelets; without it logs and exec are forbidden
    # (kubernetes/kubernetes #138957)
    kubectl(m, *BINDING.split())
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    for path in sorted(m.path("etc/nodeseed/manifests").glob("*")):
        kubectl(m, *apply, str(path))
    metadata = {"name": "nodeseed", "namespace": "kube-system"}
    if found:  # refused if another node was faster
        metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
    data = {
        "revision": str(config["clusterRevision"]),
        "version": ".".join(map(str, version)),
    }
    mark = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    kubectl(m, *apply, "-", stdin=json.dumps(mark))
    return ""
