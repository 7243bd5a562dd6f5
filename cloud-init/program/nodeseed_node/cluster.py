"""What a cluster needs once, by whichever control plane comes first, and again after a change.

kubeadm's phases create or update blindly, so a late node with an old configuration would put old
settings back. Our own ConfigMap, written last, says which revision is done and for which version.
"""

from __future__ import annotations

import json

from nodeseed_node.control_plane import kubeadm
from nodeseed_node.machine import Machine
from nodeseed_node.preflight import numbers

APPLY = ("apply", "--server-side", "--force-conflicts", "-f")
BINDING = """apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: kubeadm:{0}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {1}
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: {2}
  name: {3}
---
"""
# The first gives admin.conf its power (kubeadm phases/kubeconfig/kubeconfig.go,
# EnsureAdminClusterRoleBinding), the second lets API servers reach kubelets, without which
# logs and exec are forbidden (kubernetes/kubernetes #138957).
BINDINGS = BINDING.format(
    "cluster-admins", "cluster-admin", "Group", "kubeadm:cluster-admins"
) + BINDING.format(
    "apiserver-kubelet-client",
    "system:kubelet-api-admin",
    "User",
    "kube-apiserver-kubelet-client",
)


def kubectl(m: Machine, *arguments: str, stdin: str = "", who: str = "admin") -> tuple[int, str]:
    """Ask this node's API server."""
    return m.run("kubectl", f"--kubeconfig=/etc/kubernetes/{who}.conf", *arguments, stdin=stdin)


def cluster(m: Machine) -> int:
    """Do the cluster's part, then mark our own node, which the kubelet may not do itself."""
    m.until(lambda: _once(m))
    m.until(lambda: kubeadm(m, "mark-control-plane"))
    m.say(f"revision {m.config['clusterRevision']} applied, node marked")
    return 0


def _once(m: Machine) -> str:
    config = m.config
    get = ("get", "-n=kube-system", "--ignore-not-found", "configmap")
    code, said = kubectl(m, *get, "nodeseed", "-o=json")
    if code:
        # admin.conf may do nothing before its binding exists; super-admin.conf is for this only
        kubectl(m, *APPLY, "-", stdin=BINDINGS, who="super-admin")
        return said
    found = json.loads(said or "{}")
    data = found.get("data", {"revision": 0, "version": ""})
    if int(data["revision"]) >= config["clusterRevision"]:
        return ""
    # somebody may have run `kubeadm upgrade`
    code, said = kubectl(m, *get, "kubeadm-config", "-o=jsonpath={.data.ClusterConfiguration}")
    if code:
        return said
    there = max(numbers(data["version"]), numbers(said.partition("kubernetesVersion:")[2]))
    ours = numbers(config["kubernetesVersion"])
    if there <= ours:
        for phase in ("upload-config", "all"), ("addon", "kube-proxy"), ("addon", "coredns"):
            trouble = kubeadm(m, *phase)
            if trouble:
                return trouble
    metadata = {"name": "nodeseed", "namespace": "kube-system"}
    if found:  # refused if another node was faster
        metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
    mark = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {
            "revision": str(config["clusterRevision"]),
            "version": ".".join(map(str, max(there, ours))),
        },
    }
    manifests = m.path("etc/nodeseed/manifests")
    for file, stdin in (
        ("-", BINDINGS),
        *((str(path), "") for path in sorted(manifests.glob("*"))),
        ("-", json.dumps(mark)),
    ):
        code, said = kubectl(m, *APPLY, file, stdin=stdin)
        if code:
            return said
    return ""
