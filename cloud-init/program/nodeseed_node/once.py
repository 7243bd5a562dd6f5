"""What a cluster needs once, and again after a change, by whichever control plane comes first.

Our own ConfigMap, written last, says which revision is done and for which version: a late node
with an old configuration would put old settings back.
"""

from __future__ import annotations

import json
from typing import Any

from nodeseed_node.machine import Machine
from nodeseed_node.preflight import numbers


def due(m: Machine, rows: Any) -> Any:
    """Give the mark to write in the end, and whether the cluster is of no newer version than ours.

    Args:
        m: A control plane.
        rows: The ConfigMaps of kube-system that are called nodeseed and kubeadm-config.

    Returns:
        The mark, nothing where all is done already, and the answer.
    """
    config = m.config
    found = {row["metadata"]["name"]: row for row in rows}
    mark = found.get("nodeseed", {})
    data = mark.get("data", {"revision": 0, "version": ""})
    if int(data["revision"]) >= config["clusterRevision"]:
        return 0, 0
    # somebody may have run `kubeadm upgrade`
    said = json.dumps(found.get("kubeadm-config")).partition("kubernetesVersion:")[2]
    ours = numbers(config["kubernetesVersion"])
    version = max(numbers(data["version"]), numbers(said), ours)
    metadata = {"name": "nodeseed", "namespace": "kube-system"}
    if mark:  # refused if another node was faster
        metadata["resourceVersion"] = mark["metadata"]["resourceVersion"]
    data = {
        "revision": str(config["clusterRevision"]),
        "version": ".".join(map(str, version)),
    }
    mark = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    return mark, version == ours
