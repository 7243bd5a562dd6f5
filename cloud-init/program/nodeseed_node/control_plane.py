"""The control plane's static pods, as kubeadm writes them, once etcd is healthy.

An API server that starts before etcd ends, and the kubelet starts it again only after up to five
minutes. `kubeadm init phase` sees an external CA in the absence of its key, and leaves
certificates and kubeconfigs alone (cmd/kubeadm/app/phases/certs/certs.go, UsingExternalCA).
"""

from __future__ import annotations

import re
from functools import partial

from nodeseed_node.machine import Machine
from nodeseed_node.member import quorum
from nodeseed_node.preflight import numbers
from nodeseed_node.wait_api import ready

DONE = "var/lib/nodeseed/control-plane"
STATIC_POD = "etc/kubernetes/manifests/kube-%s.yaml"
PODS = ("apiserver", "controller-manager", "scheduler")


def control_plane(m: Machine) -> int:
    """Wait for etcd, write manifests where that is due, wait for this node's API server."""
    config = m.config
    m.until(lambda: quorum(m, config["etcdEndpoints"], "apiserver-etcd-client")[0][:0])
    before = int(m.text(DONE) or 0)
    for pod in PODS:
        if before < config["revision"] or not m.text(STATIC_POD % pod):
            m.until(partial(_manifest, m, pod, before))
    if before < config["revision"]:
        m.write(DONE, str(config["revision"]))
        if before:
            m.run("systemctl", "--no-block", "try-restart", "kubelet")
    ready(m)
    m.say("the API server is ready")
    return 0


def kubeadm(m: Machine, *phase: str) -> str:
    """Run a phase; give its complaint in one line, if any."""
    code, said = m.run("kubeadm", "init", "phase", *phase, "--config=/etc/kubernetes/kubeadm.yaml")
    return said.rpartition("error: ")[2].splitlines()[0] if code else ""


def _manifest(m: Machine, pod: str, before: int) -> str:
    """Write one, of our version if that is not an older one.

    Pods of a revision `before` are restarted by a label: of what the kubeconfigs hold they notice
    nothing. And a kubelet that has just begun to start a static pod may never start it if it
    changes meanwhile, unless the kubelet begins anew.
    """
    config = m.config
    name = STATIC_POD % pod
    version = re.findall(f"kube-{pod}:v(.*)", m.text(name))
    if version and numbers(version[0]) > numbers(config["kubernetesVersion"]):
        m.say(f"keeping kube-{pod}: it is of the newer {version[0]}")
    else:
        trouble = kubeadm(m, "control-plane", pod)
        if trouble:
            return trouble
    if before:
        text = re.sub(r"\n    nodeseed.dev/revision:.*", "", m.text(name))
        label = f'\n  labels:\n    nodeseed.dev/revision: "{config["revision"]}"\n'
        m.write(name, text.replace("\n  labels:\n", label, 1), 0o600)
    return ""
