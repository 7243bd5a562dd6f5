"""The control plane's static pods, as kubeadm writes them, once etcd is healthy.

An API server that starts before etcd ends, and the kubelet starts it again only after up to five
minutes. `kubeadm init phase` sees an external CA in the absence of its key, and leaves
certificates and kubeconfigs alone (cmd/kubeadm/app/phases/certs/certs.go, UsingExternalCA).
"""

from __future__ import annotations

import json
import re

from nodeseed_node.machine import Machine
from nodeseed_node.member import member_list
from nodeseed_node.preflight import numbers
from nodeseed_node.wait_api import answers

DONE = "var/lib/nodeseed/control-plane.json"
PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def control_plane(m: Machine) -> int:
    """Wait for etcd, write manifests if that is due, wait for this node's API server."""
    config = m.config
    m.until(lambda: _etcd(m))
    kept = m.until(lambda: _manifests(m)) and m.load(DONE)["kept"]
    server = next(iter(config["kubeconfigs"].values()))["server"]
    m.until(lambda: answers(m, server), about=f"waiting for {server}: ")
    m.say(f"the API server is ready{kept}")
    return 0


def _etcd(m: Machine) -> str:
    for url in m.config["etcdEndpoints"]:
        try:
            member_list(m, url, "apiserver-etcd-client")
            return ""
        except OSError:
            continue
    return "waiting for a healthy etcd quorum"


def kubeadm(m: Machine, *phase: str) -> str:
    """Run a phase; give the last line of its complaint, if any."""
    code, said = m.run("kubeadm", "init", "phase", *phase, "--config=/etc/kubernetes/kubeadm.yaml")
    return f"kubeadm {phase[0]}: {said[said.rfind(chr(10)) + 1 :]}" if code else ""


def _manifests(m: Machine) -> str:
    """Write them if one is absent or a newer revision was installed; never an older version.

    Pods that run are restarted by a label: of what the kubeconfigs hold they notice nothing.
    """
    config = m.config
    before = {pod: m.text(f"etc/kubernetes/manifests/{pod}.yaml") for pod in PODS}
    whole = all(before.values())
    if whole and m.load(DONE).get("revision", 0) >= config["revision"]:
        return ""
    kept = ""
    version = re.search("kube-apiserver:(v.*)", before[PODS[0]])
    if whole and version and numbers(version[1]) > numbers(config["kubernetesVersion"]):
        kept = f"; kept {version[1]}, newer than the user-data's {config['kubernetesVersion']}"
    else:
        trouble = kubeadm(m, "control-plane", "all")
        if trouble:
            return trouble
    for pod in PODS if whole else ():
        name = f"etc/kubernetes/manifests/{pod}.yaml"
        text = re.sub(r"\n    nodeseed.dev/revision:.*", "", m.text(name))
        label = f'\n  labels:\n    nodeseed.dev/revision: "{config["revision"]}"\n'
        m.write(name, text.replace("\n  labels:\n", label, 1), 0o600)
    m.write(DONE, json.dumps({"revision": config["revision"], "kept": kept}))
    return ""
