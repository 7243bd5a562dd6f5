"""What goes into user-data, and what a node fetches: the cloud-config cut in two. Pure.

The stub holds cloud-config's own keys, which cloud-init needs early, and the program that fetches.
The payload is the rest of write_files as JSON in gzip; its digest is in the stub and in its name.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from nodeseed.errors import PayloadTooLarge
from nodeseed.nodes.design import Design
from nodeseed.nodes.transport import base_url, payload_name, settings_of
from nodeseed.platforms.platform import Platform
from nodeseed.render.encode import gzip
from nodeseed.render.node import FETCH

STUB = "/etc/nodeseed/fetch.json"

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
    design: Design, node: str, config: dict[str, Any], *, cluster_id: str, revision: int
) -> Delivery:
    """Cut a node's cloud-config into stub and payload; leave it whole where nothing is fetched.

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
    kept = [file for file in files if file["path"] in IN_STUB]
    kept.append({"path": STUB, "permissions": "0600", "content": json.dumps(stub) + "\n"})
    return Delivery({**config, "write_files": kept}, payload, sha256, names)


def refuse_large_stub(platform: Platform, node: str, sent: Delivery, size: int) -> None:
    """Raise PayloadTooLarge for a stub: what can be too much in it is the operator's own."""
    if sent.payload:
        raise PayloadTooLarge(
            f"the stub of {node} has {size:,} bytes, {platform.title} takes {platform.limit:,}: "
            "ssh.authorizedKeys and commands stay in user-data; put fewer there (a key for all, "
            "or a script under files:)"
        )
