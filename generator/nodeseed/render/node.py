"""One node from plan to user-data: rendered once with references, then resolved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from nodeseed.nodes.configuration import api_server, node_configuration
from nodeseed.nodes.design import Design
from nodeseed.nodes.machine import Machine, has_kubelet
from nodeseed.nodes.objects import json_text
from nodeseed.nodes.plan import (
    PlannedFile,
    context,
    identity_files,
    sets,
)
from nodeseed.nodes.pools import BOOTSTRAP, public_tokens
from nodeseed.nodes.rendered import is_rendered
from nodeseed.nodes.software import package_sources
from nodeseed.nodes.transport import fetch_step, public_settings
from nodeseed.pki.certificates import PKI
from nodeseed.pki.encoding import digest
from nodeseed.pki.identities import Statements
from nodeseed.pki.lock import Lock
from nodeseed.pki.references import CLUSTER_ID, NODE_REVISION, is_reference, resolve
from nodeseed.render.cluster import ADD_ONS, MANIFESTS
from nodeseed.render.der import hexadecimal
from nodeseed.render.program import program, steps, tree_digest
from nodeseed.render.templates import file_set, render_file

STAGING = f"/var/lib/nodeseed/incoming/{CLUSTER_ID}-{NODE_REVISION}"
CONFIGURATION = "/etc/nodeseed/config.json"
PROGRAM = "/usr/local/lib/nodeseed/node.py"
FETCH = "/usr/local/lib/nodeseed/fetch.py"

# Files that go straight to their places and never change their meaning: they install the others.
DIRECT = (
    PROGRAM,
    "/etc/systemd/system/nodeseed.target",
    "/etc/systemd/system/nodeseed-install.service",
    FETCH,
    "/etc/systemd/system/nodeseed-fetch.service",
)

# The same without kubectl on the node: all of them as JSON in one file.
OBJECTS = "/etc/nodeseed/objects.yaml"

# Modes other than 0644, by the start of the path.
MODES: tuple[tuple[str, str], ...] = (
    ("/usr/local/lib/nodeseed/", "0755"),
    ("/usr/local/bin/", "0755"),
    ("/etc/kubernetes/kubeadm.yaml", "0600"),
    (BOOTSTRAP, "0600"),
    ("/var/lib/kubelet/", "0600"),  # CIS 4.1.9
    ("/etc/nodeseed/", "0600"),
    ("/etc/etcd.env", "0600"),
    ("/etc/keepalived/", "0600"),
)


@dataclass(frozen=True, slots=True)
class Rendering:
    """A node's content, with references where secrets and revisions will be.

    Attributes:
        machine: whose it is.
        files: all files, at their on-node paths.
        settings: the keys of cloud-config beside write_files and runcmd.
        commands: runcmd.
        digest: 128 bits over all of it, hexadecimal; nothing secret and no revision is in it.
    """

    machine: Machine
    files: tuple[PlannedFile, ...]
    settings: dict[str, Any]
    commands: tuple[str, ...]
    digest: str


def _mode(path: str) -> str:
    return next((mode for start, mode in MODES if path.startswith(start)), "0644")


def render_node(design: Design, machine: Machine, statements: Statements, lock: Lock) -> Rendering:
    """Everything that the node gets, and its digest."""
    values = context(design, machine)
    files = [
        PlannedFile(path, _mode(path), render_file(name, path, values))
        for name in sets(design, machine)
        for path in file_set(name)
    ]
    called = steps(file.content for file in files)
    files.append(PlannedFile(PROGRAM, _mode(PROGRAM), program(called)))
    if design.transport.remote:
        files.append(PlannedFile(FETCH, _mode(FETCH), program(frozenset({fetch_step(design)}))))
    files += _registry_mirrors(design, machine)
    files += [PlannedFile(path, "0644", text) for path, text in package_sources(design).items()]
    configuration = node_configuration(design, machine, lock)
    files.append(PlannedFile(CONFIGURATION, "0600", configuration))
    files += identity_files(design, machine)
    files += _kubeconfigs(design, machine)
    files = _at_home(design, files)
    if machine.role == "control-plane":
        files += [
            PlannedFile(f"{MANIFESTS}{index:02}.yaml", "0600", design.manifests[name])
            for index, name in enumerate(design.cluster.manifests)
        ]
        if is_rendered(design):
            files = _as_json(files)
    files += [
        PlannedFile(file.path, file.permissions, file.content) for file in design.cluster.files
    ]
    # What packs worst last: in between it would push what is alike out of gzip's 32 KiB.
    files.sort(key=lambda file: is_reference(file.content))
    settings = _settings(design, machine)
    commands = (
        "systemctl daemon-reload",
        "systemctl enable --now --no-block nodeseed.target",
        *design.cluster.commands,
    )
    public = [
        json.dumps([settings, commands], sort_keys=True),
        *(part for file in files for part in (file.path, file.permissions, file.content)),
        *_public_statements(design, machine, statements),
    ]
    if machine.elastic or machine.role == "control-plane":
        public += public_tokens(lock)
    if design.transport.remote:
        public += public_settings(design)
    return Rendering(machine, tuple(files), settings, commands, digest("node", *public).hex()[:32])


def _as_json(files: list[PlannedFile]) -> list[PlannedFile]:
    """The objects that a node applies, for a node without kubectl."""
    found, manifests, place = list[PlannedFile](), list[str](), 0
    for file in files:
        if file.path.startswith(MANIFESTS):
            # in the place of the first, among its like, where it packs best
            place = place or len(found)
            manifests.append(file.content)
        elif file.path == ADD_ONS:
            found.append(replace(file, content=json_text([file.content])))
        else:
            found.append(file)
    found.insert(place, PlannedFile(OBJECTS, _mode(OBJECTS), json_text(manifests)))
    return found


def _at_home(design: Design, files: list[PlannedFile]) -> list[PlannedFile]:
    """Files with keys and certificates where the cluster file wants them; and all that name them.

    The text of files is changed as a whole: nothing of ours lies in the usual folder then, and
    nothing of the operator's may (nodes/checks/content.py).
    """
    folder = design.cluster.pki.directory
    if folder == PKI:
        return files
    return [
        replace(
            file,
            path=file.path.replace(PKI, folder),
            content=file.content.replace(PKI[1:], folder[1:]),
        )
        for file in files
    ]


def _public_statements(design: Design, machine: Machine, statements: Statements) -> list[str]:
    """What the certificates of a node say, without anything that comes from the seed."""
    said: list[str] = []
    names = design.names(machine)
    for row in design.certificates(machine):
        said += [row.name, statements.algorithm(row)]
        said.append(str(statements.generation(row, machine.name)))
        if row.issuer:
            said += [str(field) for field in statements.content(row, names).fields()]
    return said


def _settings(design: Design, machine: Machine) -> dict[str, Any]:
    """cloud-config's own keys: needed before any unit, and safe to repeat."""
    cluster = design.cluster
    settings: dict[str, Any] = {
        # the name of an elastic pool's machine is what the platform calls it
        **({} if machine.elastic else {"hostname": machine.name}),
        "preserve_hostname": False,
        "prefer_fqdn_over_hostname": False,  # RHEL's images would make the FQDN the node's name
    }
    if cluster.ssh.authorizedKeys:
        settings["ssh_authorized_keys"] = list(cluster.ssh.authorizedKeys)
    if cluster.time.servers:
        settings["ntp"] = {"enabled": True, "servers": list(cluster.time.servers)}
    return settings


def _kubeconfigs(design: Design, machine: Machine) -> list[PlannedFile]:
    """Kubeconfigs; the installer fills their certificates and keys in."""
    return [
        PlannedFile(
            row.path,
            "0600",
            render_file(
                "partials",
                "/kubeconfig.yaml",
                {
                    "cluster": design.cluster.name,
                    "server": api_server(design, machine, row.name),
                    "user": row.common_name.format(node=machine.name),
                    "pair": row.path.rpartition("/")[2],
                },
            ),
        )
        for row in design.certificates(machine)
        if row.kubeconfig
    ]


def _registry_mirrors(design: Design, machine: Machine) -> list[PlannedFile]:
    """containerd's hosts.toml for each mirrored registry (containerd docs/hosts.md)."""
    if not has_kubelet(design.cluster, machine):
        return []
    files = []
    for mirror in design.cluster.containerd.registryMirrors:
        lines = [f"server = {json.dumps('https://' + mirror.registry)}"]
        lines += [
            f'[host.{json.dumps(endpoint)}]\ncapabilities = ["pull", "resolve"]'
            for endpoint in mirror.endpoints
        ]
        path = f"/etc/containerd/certs.d/{mirror.registry}/hosts.toml"
        files.append(PlannedFile(path, "0644", "\n".join(lines) + "\n"))
    return files


def cloud_config(rendering: Rendering, meaning: Callable[[str, str], str]) -> dict[str, Any]:
    """The node's cloud-config, with every reference replaced by ``meaning(kind, name)``."""
    staging = resolve(STAGING, meaning)
    contents = {
        file.path: hexadecimal(text) if is_reference(file.content) else text
        for file in rendering.files
        if file.path != CONFIGURATION
        for text in [resolve(file.content, meaning)]
    }
    tree = tree_digest(
        {path[1:]: text.encode() for path, text in contents.items() if path not in DIRECT}
    )
    files = [
        {
            "path": file.path if file.path in DIRECT else staging + file.path,
            "permissions": file.permissions,
            "content": contents[file.path]
            if file.path != CONFIGURATION
            else resolve(
                file.content, lambda kind, name: tree if kind == "tree" else meaning(kind, name)
            ),
        }
        for file in rendering.files
    ]
    return {**rendering.settings, "write_files": files, "runcmd": list(rendering.commands)}
