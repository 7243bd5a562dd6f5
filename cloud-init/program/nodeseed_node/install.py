"""What cloud-init staged moves into place: completely, newer revisions only, our own only.

cloud-init's write_files is neither atomic nor synced (cloudinit/config/cc_write_files.py), and it
runs again whenever the instance-id changes. So it fills a staging tree, and this step moves the
tree into place file by file, records the revision as complete last of all, and removes the tree
after that. A cut at any point leaves either the tree or the record, and the next boot goes on;
an old user-data never takes a node back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from nodeseed_node.machine import Machine

INCOMING = "var/lib/nodeseed/incoming"
CONFIG = "etc/nodeseed/config.json"
RECORD = "var/lib/nodeseed/installed.json"
UNITS = "etc/systemd/system/"


def install(m: Machine) -> int:
    """Place the newest complete tree of this very node, then start the node's units."""
    done = m.load(RECORD)
    notes = []
    fresh = []
    for folder in sorted(m.path(INCOMING).glob("*")):
        tree = f"{INCOMING}/{folder.name}"
        cluster, _, revision = folder.name.rpartition("-")
        if not revision.isdigit():
            continue
        config = m.load(f"{tree}/{CONFIG}")
        who = _who(config)
        if config and (
            [cluster, revision] != [who[0], str(config.get("revision"))]
            or (done and who != _who(done))
        ):
            notes.append(f"refused {folder.name}: it is for {who[1]} of another cluster or machine")
        elif done and cluster == done["clusterID"] and int(revision) <= done["revision"]:
            if int(revision) < done["revision"]:
                notes.append(f"the user-data is older: {revision}")
            m.remove(tree)
        elif not config or config.get("tree", _digest(folder)) != _digest(folder):
            notes.append(f"{folder.name} is incomplete: run cloud-init again")
        else:
            fresh.append((int(revision), tree, config))
    if len({str(_who(config)) for *_, config in fresh}) > 1:
        notes.append("user-data of several nodes is staged: remove what is not this node's")
    elif fresh:
        done = _place(m, *max(fresh, key=lambda found: found[0]), done)
        for _, tree, _ in fresh:
            m.remove(tree)
    notes.append(f"revision {done['revision']} in place" if done else "nothing in place yet")
    m.say("; ".join(notes))
    if not done:
        return 1
    m.run("systemctl", "daemon-reload")
    return m.run("systemctl", "start", "--no-block", "nodeseed-node.target")[0]


def _who(config: Any) -> list[Any]:
    return [config.get("clusterID"), config.get("node")]


def _files(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


def _digest(folder: Path) -> str:
    """Condense a tree, without the file that holds the digest, as the generator does."""
    digest = hashlib.sha256()
    for name in _files(folder):
        if name != CONFIG:
            data = (folder / name).read_bytes()
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:32]


def _place(m: Machine, revision: int, tree: str, config: Any, done: Any) -> Any:
    """Move one tree into place and record it; give the record."""
    files = []
    units = []
    for name in _files(m.path(tree)):
        staged = m.path(f"{tree}/{name}")
        if name.startswith("kubeconfig/"):
            continue
        content = staged.read_bytes()
        info = staged.stat()
        m.write(name, content, info.st_mode & 0o7777, (info.st_uid, info.st_gid))
        files.append(name)
        if re.fullmatch(UNITS + r"[^/]+", name) and b"[Install]" in content:
            units.append(staged.name)
    for path, entry in config.get("kubeconfigs", {}).items():
        name = path.rpartition("/")[2]
        data = _kubeconfig(m, tree, name, {"cluster": config["cluster"], **entry})
        m.write(f"etc/kubernetes/{name}", data, 0o600)
        files.append(f"etc/kubernetes/{name}")
    for name in done.get("files", []):
        if name not in files:
            m.remove(name)
    code, said = m.run("systemctl", "enable", *units) if units else (0, "")
    if code:
        raise OSError(said)
    record = {
        "clusterID": config["clusterID"],
        "node": config["node"],
        "revision": revision,
        "files": files,
    }
    os.sync()  # removals and the links of enabled units too: none may be younger than the record
    m.write(RECORD, json.dumps(record), 0o600)
    if done and units:  # what runs already takes up the new revision; at boot nothing does
        m.run("systemctl", "--no-block", "try-restart", *units)
    return record


def _kubeconfig(m: Machine, tree: str, name: str, entry: dict[str, str]) -> str:
    """Assemble a kubeconfig with embedded credentials.

    `kubeadm certs renew` insists on client-certificate-data in the file
    (kubernetes cmd/kubeadm/app/phases/certs/renewal/readwriter.go).
    """

    def data(path: str) -> str:
        return base64.b64encode(m.path(f"{tree}/{path}").read_bytes()).decode()

    cluster, user = entry["cluster"], entry["user"]
    return f"""apiVersion: v1
kind: Config
clusters:
- name: "{cluster}"
  cluster:
    server: {entry["server"]}
    certificate-authority-data: {data("etc/kubernetes/pki/ca.crt")}
users:
- name: {user}
  user:
    client-certificate-data: {data(f"kubeconfig/{name}.crt")}
    client-key-data: {data(f"kubeconfig/{name}.key")}
contexts:
- name: {user}@{cluster}
  context:
    cluster: "{cluster}"
    user: {user}
current-context: {user}@{cluster}
"""
