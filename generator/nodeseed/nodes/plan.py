"""What one machine will be: the sets of files it gets, and the values that go into them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nodeseed.nodes.balance import (
    api_server_flags,
    balance_values,
    endpoint_hosts,
)
from nodeseed.nodes.cloud_provider import is_external, provider_id
from nodeseed.nodes.design import Design
from nodeseed.nodes.dns import DNS_SETS, dns_values
from nodeseed.nodes.etcd import etcd_run, etcd_settings, etcd_slot
from nodeseed.nodes.leader_election import leader_election_flags
from nodeseed.nodes.machine import Machine, has_kubelet
from nodeseed.nodes.metadata import pods_kept_off
from nodeseed.nodes.pods import pod_network
from nodeseed.nodes.pools import BOOTSTRAP, pool_flags, pool_values
from nodeseed.nodes.proxy import proxy_configuration, proxy_modules
from nodeseed.nodes.rendered import is_rendered, rendered
from nodeseed.nodes.sizes import size_flags, size_sysctls
from nodeseed.nodes.software import downloads, package_versions
from nodeseed.nodes.storage import clients, storage_values, volumes
from nodeseed.nodes.storage_classes import storage_objects
from nodeseed.nodes.tokens import TOKEN_FILE, token_file, token_flags
from nodeseed.nodes.transport import deletes_after_read, fetch_step
from nodeseed.pki.certificates import BY_NAME, PKI, TRUST, identity
from nodeseed.pki.references import NODE_REVISION, reference
from nodeseed.spec.components import Argument

CONTROL_PLANE_TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file on a node; ``content`` may hold references."""

    path: str
    permissions: str
    content: str


# Which sets of files under cloud-init/ a machine gets.
SETS: tuple[tuple[str, Callable[[Design, Machine], bool]], ...] = (
    ("common", lambda design, machine: True),
    ("kubelet", lambda design, machine: machine.is_node),
    (
        "control-plane",
        lambda design, machine: machine.role == "control-plane" and not is_rendered(design),
    ),
    (
        "control-plane-rendered",
        lambda design, machine: machine.role == "control-plane" and is_rendered(design),
    ),
    ("worker", lambda design, machine: machine.role == "worker"),
    ("provider-id", lambda design, machine: bool(provider_id(design, machine))),
    ("elastic", lambda design, machine: machine.elastic is not None),
    (
        "pools",
        lambda design, machine: machine.role == "control-plane" and bool(design.pools),
    ),
    ("etcd", lambda design, machine: etcd_run(design, machine) != ""),
    ("etcd-systemd", lambda design, machine: etcd_run(design, machine) == "systemd"),
    ("etcd-static-pod", lambda design, machine: etcd_run(design, machine) == "static-pod"),
    (
        "etcd-maintenance",
        lambda design, machine: (
            etcd_run(design, machine) != "" and design.cluster.etcd.maintenance is not None
        ),
    ),
    (
        "kubelet-standalone",
        lambda design, machine: machine.role == "etcd" and design.cluster.etcd.run == "static-pod",
    ),
    (
        "cni-bridge",
        lambda design, machine: machine.is_node and design.cluster.networking.cni == "bridge",
    ),
    (
        "proxy-ipvs",
        lambda design, machine: machine.is_node and design.proxy_mode == "ipvs",
    ),
    ("transport", lambda design, machine: design.transport.remote),
    ("transport-delete", lambda design, machine: deletes_after_read(design)),
    ("software-binaries", lambda design, machine: bool(downloads(design, machine))),
    ("software-packages", lambda design, machine: bool(package_versions(design, machine))),
    (
        "containerd-proxy",
        lambda design, machine: (
            design.cluster.containerd.proxy is not None and has_kubelet(design.cluster, machine)
        ),
    ),
    ("storage", lambda design, machine: bool(volumes(design, machine))),
    ("storage-clients", lambda design, machine: bool(clients(design, machine))),
    ("storage-iscsi", lambda design, machine: "iscsi" in clients(design, machine)),
    (
        "storage-classes",
        lambda design, machine: (
            machine.role == "control-plane" and bool(design.cluster.storage.classes)
        ),
    ),
    *DNS_SETS,
)


def sets(design: Design, machine: Machine) -> list[str]:
    """Names of the sets that the machine gets."""
    found = [name for name, wanted in SETS if wanted(design, machine)]
    return [*found, f"endpoint-{design.endpoint.name}"] if design.balances(machine) else found


def context(design: Design, machine: Machine) -> dict[str, Any]:
    """Every value that templates may use."""
    values = dict(_shared(design))
    values.update(
        node=machine.name,
        node_revision=NODE_REVISION,
        role=machine.role,
        address=machine.address,
        taints=_taints(machine),
        kubelet_arguments=_kubelet_arguments(design, machine),
        hosts=_hosts(design, machine),
        scrubs_datasource=_scrubs_datasource(design, machine),
    )
    if machine.elastic:
        kubelet = {**values["kubelet_configuration"], "serverTLSBootstrap": True}
        values["kubelet_configuration"] = kubelet
    if machine.role == "control-plane" and is_rendered(design):
        values.update(rendered(design, machine, values))
    if machine.name in design.etcd_names:
        values["etcd_settings"] = etcd_settings(design, machine)
        values["etcd_slot"] = etcd_slot(design, machine)
    if design.cluster.networking.cni == "bridge":
        values.update(pod_network(design, machine))
    values.update(pool_values(design, machine))
    values.update(storage_values(design, machine))
    values.update(balance_values(design, machine))
    return values


@lru_cache(maxsize=2)
def _shared(design: Design) -> dict[str, Any]:
    """The values that are the same for every machine."""
    cluster = design.cluster
    networking, pki = cluster.networking, cluster.pki
    families = [network.version for network in networking.podSubnet]
    return {
        "cluster": cluster.name,
        "kubernetes_version": cluster.kubernetes.version,
        "image_repository": cluster.kubernetes.imageRepository,
        "pause": design.kubernetes.pause,
        "coredns": design.kubernetes.coredns,
        "etcd_image": f"{design.etcd_version}-0",
        "endpoint": design.endpoint_url.removeprefix("https://"),
        "api_port": cluster.apiServer.port,
        "api_sans": list(
            dict.fromkeys(
                [
                    cluster.endpoint.host,
                    *([str(design.virtual_address)] if design.virtual_address else []),
                    *cluster.apiServer.certSANs,
                ]
            )
        ),
        "api_server_arguments": _arguments(
            cluster.apiServer.extraArgs,
            {
                "kubelet-certificate-authority": "/etc/kubernetes/pki/ca.crt",
                **token_flags(design),
                **pool_flags(design, "kube-apiserver"),
                **api_server_flags(design),
                **size_flags(design, "kube-apiserver"),
            },
        ),
        "controller_manager_arguments": _arguments(
            cluster.controllerManager.extraArgs,
            {
                **({"allocate-node-cidrs": "false"} if networking.cni == "bridge" else {}),
                **leader_election_flags(cluster.controllerManager.leaderElection),
                **pool_flags(design, "kube-controller-manager"),
                **size_flags(design, "kube-controller-manager"),
            },
        ),
        "scheduler_arguments": _arguments(
            cluster.scheduler.extraArgs,
            {
                **leader_election_flags(cluster.scheduler.leaderElection),
                **size_flags(design, "kube-scheduler"),
            },
        ),
        "certificates_directory": "" if pki.directory == PKI else pki.directory,
        "encryption_algorithm": pki.classes.server.algorithm,
        "certificate_hours": int(pki.classes.server.lifetime.total_seconds() // 3600),
        "ca_hours": int(pki.classes.ca.lifetime.total_seconds() // 3600),
        "rotate_certificates": pki.caKeysOnNodes == "control-plane",
        "dns_domain": networking.dnsDomain,
        **dns_values(design),
        "pod_subnet": ",".join(str(network) for network in networking.podSubnet),
        "service_subnet": ",".join(str(network) for network in networking.serviceSubnet),
        "fetched": design.transport.remote,
        "fetch_step": fetch_step(design),
        "dual_stack": len(families) == 2,
        "ipv6": families[0] == 6,
        "etcd_client_urls": list(design.client_urls),
        "proxy_configuration": proxy_configuration(design),
        "proxy_modules": proxy_modules(design),
        "sysctls": size_sysctls(design),
        "kubelet_configuration": {"cgroupDriver": "systemd", **cluster.kubelet.configuration},
        "proxy_environment": _proxy_environment(design),
        "storage_objects": storage_objects(cluster),
        "pods_kept_off": pods_kept_off(design),
    }


def _arguments(extra: tuple[Argument, ...], ours: dict[str, str]) -> list[dict[str, str]]:
    """Ours, unless the operator names the same, and the operator's in their order."""
    named = {argument.name for argument in extra}
    return [
        *({"name": name, "value": value} for name, value in ours.items() if name not in named),
        *({"name": argument.name, "value": argument.value} for argument in extra),
    ]


def _scrubs_datasource(design: Design, machine: Machine) -> bool:
    """Whether cloud-init's datasource is scrubbed, too.

    What a control plane without kubeadm carries leaves no room for the step in the user-data of EC2
    and Linode (docs/rendered.md).
    """
    tight = machine.role == "control-plane" and is_rendered(design)
    roomy = design.platform.limit is None or design.platform.limit > 16_384
    return design.transport.remote or roomy or not tight


def _hosts(design: Design, machine: Machine) -> dict[str, list[str]]:
    """Names that the machine resolves by itself; its own, and the endpoint's."""
    found = {} if machine.elastic else {machine.address: [machine.name]}
    for address, names in endpoint_hosts(design, machine).items():
        found.setdefault(address, []).extend(names)
    return found


def _taints(machine: Machine) -> list[dict[str, str]]:
    own = [
        {
            "key": taint.key,
            "effect": taint.effect,
            **({"value": taint.value} if taint.value else {}),
        }
        for taint in machine.taints
    ]
    return [CONTROL_PLANE_TAINT, *own] if machine.role == "control-plane" else own


def _kubelet_arguments(design: Design, machine: Machine) -> list[str]:
    arguments = [
        f"--hostname-override={machine.name}",
        f"--node-ip={','.join(str(address) for address in machine.addresses)}",
    ]
    if machine.elastic:  # the step elastic adds those that only the machine knows
        arguments = [f"--bootstrap-kubeconfig={BOOTSTRAP}"]
    if is_external(design):
        arguments.append("--cloud-provider=external")
    if machine.labels:
        labels = ",".join(f"{key}={value}" for key, value in machine.labels)
        arguments.append(f"--node-labels={labels}")
    arguments += [f"--{extra.name}={extra.value}" for extra in design.cluster.kubelet.extraArgs]
    return arguments


def _proxy_environment(design: Design) -> dict[str, str]:
    proxy, networking = design.cluster.containerd.proxy, design.cluster.networking
    if proxy is None:
        return {}
    listed = tuple(network for subnet in networking.subnets for network in subnet.cidr)
    direct = [
        "localhost",
        "127.0.0.1",
        design.cluster.endpoint.host,
        *(str(n) for n in (*listed, *(networking.nodeSubnet or ()))),
        *(str(n) for n in (*networking.podSubnet, *networking.serviceSubnet)),
        f".{networking.dnsDomain}",
        *proxy.noProxy,
    ]
    values = {"HTTP_PROXY": proxy.http, "HTTPS_PROXY": proxy.https, "NO_PROXY": ",".join(direct)}
    return {name: value for name, value in values.items() if value}


def identity_files(design: Design, machine: Machine) -> list[PlannedFile]:
    """Keys and certificates of the machine, and the CAs that it must trust; nobody else's keys."""
    files = []
    trusted = {
        name
        for holder in design.holders(machine.role, member=machine.name in design.etcd_names)
        for name in TRUST[holder]
    }
    for name in sorted(trusted):
        row = BY_NAME[name]
        files.append(PlannedFile(f"{row.path}.crt", "0644", reference("certificate", name)))
    if machine.role == "control-plane" and design.cluster.apiServer.tokens:
        files.append(PlannedFile(f"{PKI}/{TOKEN_FILE}", "0600", token_file(design)))
    if machine.role == "control-plane" and design.cluster.pki.caKeysOnNodes == "control-plane":
        files.append(PlannedFile(f"{BY_NAME['ca'].path}.key", "0600", reference("key", "ca")))
    for row in design.certificates(machine):
        who = identity(row, machine.name)
        if row.issuer is None:
            files.append(PlannedFile(f"{row.path}.pub", "0644", reference("public", who)))
            files.append(PlannedFile(f"{row.path}.key", "0600", reference("key", who)))
            continue
        # A kubeconfig's pair travels beside it, which packs better; the installer fills it in.
        base = f"/kubeconfig/{row.path.rpartition('/')[2]}" if row.kubeconfig else row.path
        certificate = reference("certificate", who)
        files.append(PlannedFile(f"{base}.crt", "0600" if row.kubeconfig else "0644", certificate))
        files.append(PlannedFile(f"{base}.key", "0600", reference("key", who)))
    return files
