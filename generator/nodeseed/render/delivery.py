"""What goes into user-data, and what a node fetches: the cloud-config cut in two. Pure.

The stub holds cloud-config's own keys, which cloud-init needs early, and the program that fetches.
The payload is the rest of write_files as JSON in gzip; its digest is in the stub and in its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nodeseed.errors import PayloadTooLarge
from nodeseed.nodes.design import Design
from nodeseed.nodes.transport import base_url, payload_name, settings_of, store_options
from nodeseed.render.age import encrypted
from nodeseed.render.encode import gzip, yaml_text
from nodeseed.render.node import FETCH

STUB = "/etc/nodeseed/fetch.json"
STUB_BYTES = 4_096

# What of a cloud-config comes from where in the cluster file.
_PARTS = {
    "ssh_authorized_keys": "ssh.authorizedKeys",
    "ntp": "time.servers",
    "runcmd": "commands",
    "write_files": "nodeseed itself, and where the payload is",
}

# Direct files that are in the stub; all others come with the payload.
IN_STUB = (
    FETCH,
    "/etc/systemd/system/nodeseed.target",
    "/etc/systemd/system/nodeseed-fetch.service",
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A node's content on its way.

    Attributes:
        config: the cloud-config of its user-data.
        payload: what it fetches; empty: nothing.
        sha256: of the payload, hexadecimal.
        names: where the payload's parts lie, in order.
    """

    config: dict[str, Any]
    payload: bytes = b""
    sha256: str = ""
    names: tuple[str, ...] = ()


def deliver(
    design: Design,
    node: str,
    config: dict[str, Any],
    *,
    cluster_id: str,
    revision: int,
    chance: Callable[[int, str], bytes],
) -> Delivery:
    """Cut a node's cloud-config into stub and payload; leave it whole where nothing is fetched.

    Args:
        design: the cluster.
        node: whose it is.
        config: its whole cloud-config.
        cluster_id: the cluster's ID.
        revision: the node's.
        chance: gives secret bytes for a purpose, the same ones each time; for encryption.

    Raises:
        PayloadTooLarge: the store does not take that much.
    """
    transport = design.transport
    if not transport.remote:
        return Delivery(config)
    files = config["write_files"]
    payload = gzip(
        json.dumps(
            [
                [file["path"][1:], file["permissions"], file["content"]]
                for file in files
                if file["path"] not in IN_STUB
            ],
            separators=(",", ":"),
        )
    )
    options = store_options(design)
    if options.age:
        plain = hashlib.sha256(payload).hexdigest()
        payload = encrypted(
            payload, options.age.recipients, lambda size, what: chance(size, f"{plain} {what}")
        )
    sha256 = hashlib.sha256(payload).hexdigest()
    count = len(transport.split(payload))
    if count > transport.parts:
        raise PayloadTooLarge(
            f"the payload of {node} has {len(payload):,} bytes, {transport.title} takes "
            f"{transport.parts * transport.part_bytes:,} ({transport.parts} parts of "
            f"{transport.part_bytes:,}); use `transport: {{name: s3, bucket: …}}`, or take out "
            "what does not need to be there at boot (manifests:, files:)"
        )
    name = payload_name(design, cluster_id, node, revision, sha256)
    names = (name,) if count == 1 else tuple(f"{name}.{part + 1}" for part in range(count))
    settings, url = settings_of(design), base_url(design)
    stub = {
        "who": [cluster_id, node],
        "revision": revision,
        "staging": f"var/lib/nodeseed/incoming/{cluster_id}-{revision}",
        "sha256": sha256,
        "service": transport.service,
        "region": settings["region"],
        # an object is a path of its own; what is asked for by POST stands in the request
        "url": f"{url}/{settings['bucket']}/{name}" if settings["bucket"] else f"{url}/",
        "headers": dict(transport.headers),
        "requests": [transport.request(one) for one in names],
        "answer": list(transport.answer),
    }
    if options.age:
        stub["identity"] = options.age.identity
    if options.deleteAfterRead:
        stub["delete"] = {
            "headers": {**transport.headers, **transport.delete_headers},
            "requests": [transport.delete_request(one) for one in names],
        }
    kept = [file for file in files if file["path"] in IN_STUB]
    kept.append({"path": STUB, "permissions": "0600", "content": json.dumps(stub) + "\n"})
    return Delivery({**config, "write_files": kept}, payload, sha256, names)


def refuse_large_stub(node: str, sent: Delivery, text: str) -> None:
    """Raise PayloadTooLarge for a stub of more than STUB_BYTES, with the bytes of each part."""
    size = len(gzip(text)) if sent.payload else 0
    if size <= STUB_BYTES:
        return
    parts = {
        _PARTS.get(key, "host name"): len(gzip(yaml_text(value)))
        for key, value in sent.config.items()
    }
    table = "\n".join(
        f"  {parts[part]:>8,} bytes  {part}" for part in sorted(parts, key=lambda p: -parts[p])
    )
    raise PayloadTooLarge(
        f"the stub of {node} has {size:,} bytes as gzip, {STUB_BYTES:,} are the most; its parts, "
        f"each packed by itself:\n{table}\n"
        "What is the operator's own stays in user-data: put less there (one SSH key for all; a "
        "script under files: in place of commands:), or write a shorter transport.prefix"
    )
