"""What a cluster needs once, by server-side apply; neither kubeadm nor kubectl is needed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from nodeseed_node.api import api
from nodeseed_node.https import PKI
from nodeseed_node.machine import Machine
from nodeseed_node.once import due


def cluster_rendered(m: Machine) -> int:
    """Apply the add-ons and the operator's objects, and label our own node as kubeadm does.

    Afterwards the key that this takes is emptied; the next revision of this node brings it again.
    """
    key = f"{PKI}cluster-admin.key"
    if m.text(key):
        steps = (lambda: _objects(m), lambda: _labels(m))
        for step in steps if m.config["clusterFirst"] else reversed(steps):
            m.until(step)
        m.write(key, "", 0o600)
    m.say(f"revision {m.config['clusterRevision']} applied, node marked")
    return 0


def _labels(m: Machine) -> str:
    labels = {
        "node-role.kubernetes.io/control-plane": "",
        "node.kubernetes.io/exclude-from-external-load-balancers": "",
    }
    # A merge patch: unlike an apply it makes no Node where the kubelet has not registered one yet.
    path = f"/api/v1/nodes/{m.config['node']}"
    api(m, path, {"metadata": {"labels": labels}}, "merge-patch+json")
    return ""


def _objects(m: Machine) -> str:
    mark, current = due(m, api(m, "/api/v1/namespaces/kube-system/configmaps")["items"])
    if mark:
        add_ons = m.load("etc/nodeseed/add-ons.yaml") if current else []
        kinds: dict[str, Any] = {}
        for item in *add_ons, *m.load("etc/nodeseed/objects.yaml"), mark:
            _apply(m, item, kinds)
    return ""


def _apply(m: Machine, item: Any, kinds: dict[str, Any]) -> None:
    """Apply an object; where it goes is what the API server says of its kind.

    Args:
        m: A control plane.
        item: The object.
        kinds: What the API server said so far, by API version.

    Raises:
        OSError: There is no such kind yet, or the API server refused the object.
    """
    metadata, version = item["metadata"], item["apiVersion"]
    base = ("/apis/" if "/" in version else "/api/") + version
    if base not in kinds:
        kinds[base] = api(m, base)["resources"]
    for kind in kinds[base]:
        if kind["kind"] == item["kind"] and "/" not in kind["name"]:
            if kind["namespaced"]:
                base += "/namespaces/" + metadata.get("namespace", "default")
            name = quote(metadata["name"])
            api(m, f"{base}/{kind['name']}/{name}?fieldManager=nodeseed&force=true", item)
            return
    raise OSError(f"the API server knows no {item['kind']} in {version}")
