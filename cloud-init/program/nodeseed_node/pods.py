"""When the control plane's static pods are written, and that a new revision restarts them.

An API server that starts before etcd ends, and the kubelet starts it again only after up to five
minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from nodeseed_node.machine import Machine
from nodeseed_node.member import quorum
from nodeseed_node.preflight import numbers
from nodeseed_node.wait_api import ready

DONE = "var/lib/nodeseed/control-plane"
STATIC_POD = "etc/kubernetes/manifests/kube-%s.yaml"
PODS = ("apiserver", "controller-manager", "scheduler")


def start(m: Machine, write: Callable[[str], object]) -> int:
    """Wait for etcd, write manifests where that is due, wait for this node's API server.

    Args:
        m: A control plane.
        write: Writes one of `PODS` into the kubelet's folder; raises OSError if something is amiss.
    """
    config = m.config
    m.until(lambda: quorum(m, config["etcdEndpoints"], "apiserver-etcd-client")[0][:0])
    before = int(m.text(DONE) or 0)

    def manifest(pod: str) -> str:
        """Write one, of our version if that is not an older one.

        Pods of a revision `before` are restarted by a label: of what the kubeconfigs hold they
        notice nothing. And a kubelet that has just begun to start a static pod may never start it
        if it changes meanwhile, unless the kubelet begins anew.
        """
        name = STATIC_POD % pod
        version = m.text(name).partition(f"kube-{pod}:v")[2].partition("\n")[0]
        if numbers(version) > numbers(config["kubernetesVersion"]):
            m.say(f"keeping kube-{pod}: it is of the newer {version}")
        else:
            write(pod)
        if before:
            label = f'\n  labels:\n    nodeseed.dev/revision: "{config["revision"]}"'
            old = "\n  labels:(\n    nodeseed.dev/revision.*)?"
            m.write(name, re.sub(old, label, m.text(name), count=1), 0o600)
        return ""

    for pod in PODS:
        if before < config["revision"] or not m.text(STATIC_POD % pod):
            m.until(lambda pod=pod: manifest(pod))
    if before < config["revision"]:
        m.write(DONE, str(config["revision"]))
        if before:
            m.run("systemctl", "--no-block", "try-restart", "kubelet")
    ready(m)
    m.say("the API server is ready")
    return 0
