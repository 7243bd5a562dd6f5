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
import ssl
from pathlib import Path
from typing import Any

from nodeseed_node.machine import Machine

INCOMING = "var/lib/nodeseed/incoming"
CONFIG = "etc/nodeseed/config.json"
RECORD = "var/lib/nodeseed/installed.json"


def install(m: Machine) -> int:
    """Place the newest complete tree of this very node, then start the node's units."""
    done = m.load(RECORD)
    notes = []
    fresh = []
    for folder in m.path(INCOMING).glob("*-[0-9]*"):
        name = folder.name
        tree = f"{INCOMING}/{name}"
        cluster, _, revision = name.rpartition("-")
        config = m.load(f"{tree}/{CONFIG}")
        who = [config.get("clusterID"), config.get("node")]
        if config and (name != f"{who[0]}-{config['revision']}" or (done and who != done["who"])):
            notes.append(f"refused {name}: made for another machine, {who[1]}")
        elif done and [cluster] == done["who"][:1] and int(revision) <= done["revision"]:
            m.remove(tree)
        elif not config or config.get("tree", _digest(folder)) != _digest(folder):
            notes.append(f"{name} is incomplete: run cloud-init again")
        else:
            fresh.append((int(revision), who, tree))
    if len({node for _, (_, node), _ in fresh}) > 1:
        notes.append("refused user-data of several nodes")
    elif fresh:
        done = _place(m, *max(fresh), done)
        for *_, tree in fresh:
            m.remove(tree)
    m.say("; ".join([*notes, f"revision {done.get('revision', 'none')} in place"]))
    return not done or m.run("systemctl", "start", "--no-block", "nodeseed-node.target")[0]


def _files(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


def _digest(folder: Path) -> str:
    """Condense a tree, without the file that holds the digest, as the generator does."""
    files = [name for name in _files(folder) if name != CONFIG]
    data = b"".join(name.encode() + (folder / name).read_bytes() for name in files)
    return hashlib.sha256(data).hexdigest()[:32]


def content(path: Path) -> bytes:
    """What a staged file means: keys and certificates are staged as hexadecimal DER."""
    data = path.read_bytes()
    der = re.fullmatch(rb"([A-Z ]+) ([0-9a-f]+)\n", data)
    if der:
        pem = ssl.DER_cert_to_PEM_cert(bytes.fromhex(der[2].decode()))
        data = pem.replace("CERTIFICATE", der[1].decode()).encode()
    return data


def _place(m: Machine, revision: int, who: list[str], tree: str, done: Any) -> Any:
    """Move one tree into place and record it; give the record."""
    folder = m.path(tree)

    def coded(found: re.Match[bytes]) -> bytes:
        return base64.b64encode(content(folder / found[1].decode()))

    os.sync()  # what a cut from here on leaves half done is done again from the tree
    files = [name for name in _files(folder) if not name.startswith("kubeconfig/")]
    units = []
    for name in files:
        staged = folder / name
        # kubeconfigs embed what travels as a file: `kubeadm certs renew` insists on it
        # (kubernetes cmd/kubeadm/app/phases/certs/renewal/readwriter.go)
        data = re.sub(rb"(?<=-data: )nodeseed:(\S+)", coded, content(staged))
        m.write(name, data, staged.stat().st_mode & 0o777, False)
        if b"\nWantedBy=" in data:
            units.append(staged.name)
    for name in done.get("files", []):
        if name not in files:
            m.remove(name)
    code, said = m.run("systemctl", "enable", *units)
    if code:
        raise OSError(said)
    os.sync()  # all of it is on the disk before the record is
    record = {"who": who, "revision": revision, "files": files}
    m.write(RECORD, json.dumps(record))
    # what runs already takes up the new revision; at a first boot that is containerd alone
    m.run("systemctl", "--no-block", "try-restart", "containerd", *units)
    return record
