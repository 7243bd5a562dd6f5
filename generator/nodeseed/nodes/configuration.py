"""What the on-node program knows of its node: /etc/nodeseed/config.json. Pure."""

from __future__ import annotations

import json
from typing import Any

from nodeseed.nodes.cloud_provider import provider_id
from nodeseed.nodes.design import Design
from nodeseed.nodes.etcd import etcd_maintenance, etcd_run
from nodeseed.nodes.machine import Machine, has_kubelet
from nodeseed.nodes.metadata import needs_nft
from nodeseed.nodes.pools import pool_configuration
from nodeseed.nodes.rendered import is_rendered
from nodeseed.nodes.software import downloads, package_versions
from nodeseed.nodes.storage import storage_configuration, storage_programs
from nodeseed.pki.lock import Lock
from nodeseed.pki.references import (
    CLUSTER_ID,
    CLUSTER_REVISION,
    ETCD_TOKEN,
    NODE_REVISION,
    TREE,
)
from nodeseed.spec.versions import CONTAINERD_MINIMUM


def _programs(design: Design, machine: Machine) -> dict[str, str]:
    """What the machine must have in a version of ours or a newer one, by how to ask for it."""
    wanted = {}
    if has_kubelet(design.cluster, machine):
        wanted["kubelet --version"] = design.cluster.kubernetes.version
        wanted["containerd --version"] = CONTAINERD_MINIMUM
    if machine.role == "control-plane" and not is_rendered(design):
        wanted["kubeadm version -oshort"] = design.cluster.kubernetes.version
    if etcd_run(design, machine) == "systemd":
        wanted["etcd --version"] = design.etcd_version
    if design.balances(machine):
        wanted.update(dict.fromkeys(design.endpoint.programs, ""))  # any version will do
    if needs_nft(design, machine):
        wanted["nft --version"] = ""
    wanted.update(storage_programs(design, machine))
    return wanted


def api_server(design: Design, machine: Machine, client: str = "") -> str:
    """The API as the machine itself uses it: a control plane its own, all others the endpoint.

    Args:
        design: the cluster.
        machine: the machine.
        client: name of the certificate by which it asks. What a control plane consists of never
            asks another's API server, which may be of another version; its kubelet may.
    """
    through = client == "kubelet-client" and design.cluster.endpoint.controlPlanes == "endpoint"
    if machine.role == "control-plane" and not through:
        return design.local_api(machine)
    return design.endpoint_url


def node_configuration(design: Design, machine: Machine, lock: Lock) -> str:
    """/etc/nodeseed/config.json: all that the on-node program knows of its node."""
    cluster = design.cluster
    control_plane = machine.role == "control-plane"
    values: dict[str, Any] = {
        "clusterID": CLUSTER_ID,
        "node": machine.name,
        "revision": NODE_REVISION,
        "tree": TREE,
        "addresses": [str(address) for address in machine.addresses],
        "timeSource": cluster.time.source,
        "issued": f"{lock.issues['ca'][0].day}T00:00:00Z",
        "programs": _programs(design, machine),
    }
    if machine.is_node:
        values["kubernetesVersion"] = cluster.kubernetes.version
        values["server"] = api_server(design, machine)
    if control_plane:
        values["clusterRevision"] = CLUSTER_REVISION
        values["clusterFirst"] = machine is design.control_planes[0]
        values["etcdEndpoints"] = list(design.client_urls)
    values.update(pool_configuration(design, machine, lock))
    if form := provider_id(design, machine):
        values["providerID"] = form
    values.update(storage_configuration(design, machine))
    if software := downloads(design, machine):
        values["software"] = software
    if packages := package_versions(design, machine):
        values["packages"] = packages
    if cluster.networking.cni == "bridge" and machine.is_node:
        pods = {network.version: str(network) for network in cluster.networking.podSubnet}
        nodes = cluster.networking.nodeSubnet or ()
        values["podRoutes"] = {str(network): pods[network.version] for network in nodes}
    if machine.name in design.etcd_names:
        values["etcd"] = {
            "token": ETCD_TOKEN,
            "members": dict(design.peer_urls),
            "membershipRevision": lock.bootstrap.membershipRevision,
            "until": lock.bootstrap.until,
        }
        if maintenance := etcd_maintenance(design, machine):
            values["etcd"]["maintenance"] = maintenance
    text = json.dumps(values, indent=1, ensure_ascii=False)
    # Revisions are numbers; a reference can only stand in text.
    for number in (NODE_REVISION, CLUSTER_REVISION):
        text = text.replace(json.dumps(number, ensure_ascii=False), number)
    return text + "\n"
