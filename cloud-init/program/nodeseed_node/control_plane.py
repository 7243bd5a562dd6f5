"""The control plane's static pods, as kubeadm writes them, once etcd is healthy.

An API server that starts before etcd ends, and the kubelet starts it again only after up to five
minutes. `kubeadm init phase` sees an external CA in the absence of its key, and leaves
certificates and kubeconfigs alone (cmd/kubeadm/app/phases/certs/certs.go, UsingExternalCA).
"""

from __future__ import annotations

import re

from nodeseed_node.machine import Machine
from nodeseed_node.member import quorum
from nodeseed_node.preflight import numbers
from nodeseed_node.wait_api import ready

DONE = "var/lib/nodeseed/control-plane"
PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def control_plane(m: Machine) -> int:
    """Wait for etcd, write manifests if that is due, wait for this node's API server."""
    config = m.config
    m.until(lambda: quorum(m, config["etcdEndpoints"], "apiserver-etcd-client")[0][:0])
    m.until(lambda: _manifests(m))
    ready(m)
    m.say("the API server is ready")
    return 0


def kubeadm(m: Machine, *phase: str) -> str:
    """Run a phase; give its complaint in one line, if any."""
    code, said = m.run("kubeadm", "init", "phase", *phase, "--config=/etc/kubernetes/kubeadm.yaml")
    return said.rpartition("error: ")[2].splitlines()[0] if code else ""


def _manifests(m: Machine) -> str:
    """Write them if one is absent or a newer revision was installed; never an older version.

    Pods that run are restarted by a label: of what the kubeconfigs hold they notice nothing. And
    a kubelet that has just begun to start a static pod may never start it if it changes meanwhile,
    unless the kubelet begins anew.
    """
    config = m.config
    names = [f"etc/kubernetes/manifests/{pod}.yaml" for pod in PODS]
    there = [m.text(name) for name in names]
    whole = all(there)
    if whole and int(m.text(DONE) or 0) >= config["revision"]:
        return ""
    version = re.findall("kube-apiserver:v(.*)", there[0])
    if whole and version and numbers(version[0]) > numbers(config["kubernetesVersion"]):
        m.say(f"keeping the manifests: they are of the newer {version[0]}")
    else:
        trouble = kubeadm(m, "control-plane", "all")
        if trouble:
            return trouble
    for name in names if whole else ():
        text = re.sub(r"\n    nodeseed.dev/revision:.*", "", m.text(name))
        label = f'\n  labels:\n    nodeseed.dev/revision: "{config["revision"]}"\n'
        m.write(name, text.replace("\n  labels:\n", label, 1), 0o600)
    if whole:
        m.run("systemctl", "--no-block", "try-restart", "kubelet")
    m.write(DONE, str(config["revision"]))
    return ""
