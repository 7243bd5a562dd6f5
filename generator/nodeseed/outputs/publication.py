"""What a render leaves for ``nodeseed publish``: payloads, policies and ``publish.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodeseed.errors import OutputError
from nodeseed.nodes.access import node_policy, publisher_policy
from nodeseed.nodes.design import Design
from nodeseed.nodes.transport import cluster_prefix, deletes_after_read, settings_of
from nodeseed.render.delivery import Delivery

INDEX = "publish.json"
PAYLOAD = "payload"


@dataclass
class Publication:
    """Gathers what the nodes of a cluster will fetch; nothing at all where nothing is fetched."""

    design: Design
    cluster_id: str
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, node: str, sent: Delivery) -> None:
        """Take up one node."""
        if sent.payload:
            self.nodes[node] = {"sha256": sent.sha256, "names": list(sent.names)}

    def node_files(self, node: str, sent: Delivery) -> Iterator[tuple[str, bytes]]:
        """Files beside one node's user-data."""
        if sent.payload:
            yield PAYLOAD, sent.payload
            yield "iam-policy.json", node_policy(self.design, self.cluster_id, node)

    def cluster_files(self, revision: int) -> Iterator[tuple[str, bytes]]:
        """Files for the whole cluster, of one revision of its lock."""
        if self.nodes:
            index = {
                "cluster": self.design.cluster.name,
                "revision": revision,
                "transport": settings_of(self.design),
                "prefix": cluster_prefix(self.design, self.cluster_id),
                "nodes": self.nodes,
            }
            yield INDEX, (json.dumps(index, indent=1) + "\n").encode()
            yield "publish-iam-policy.json", publisher_policy(self.design, self.cluster_id)

    def variables(self) -> Mapping[str, Any]:
        """What Terraform is told: where payloads go, so that it may upload them itself."""
        if not self.nodes:
            return {}
        return {
            "transport": {
                **settings_of(self.design),
                **({"deleteAfterRead": True} if deletes_after_read(self.design) else {}),
            },
            "payloads": {
                name: {
                    "file": f"{name}/{PAYLOAD}",
                    "sha256": node["sha256"],
                    "names": node["names"],
                    "policy": f"{name}/iam-policy.json",
                }
                for name, node in self.nodes.items()
            },
        }


def load_index(design: Design, folder: Path, revision: int) -> dict[str, Any]:
    """``publish.json`` of an output folder.

    Raises:
        OutputError: there is none, or it does not belong to this cluster file and lock.
    """
    path, again = folder / INDEX, "render once more, then publish"
    try:
        index: dict[str, Any] = json.loads(path.read_bytes())
        said = (index["cluster"], index["revision"], index["transport"])
    except FileNotFoundError:
        raise OutputError(f"{path}: there is none; {again}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path}: cannot be read ({error!r}); {again}") from None
    if said != (design.cluster.name, revision, settings_of(design)):
        raise OutputError(
            f"{path}: speaks of cluster {said[0]}, revision {said[1]}, by {said[2]['name']}; "
            f"cluster file and lock say {design.cluster.name}, revision {revision}, by "
            f"{design.transport.name}, or the transport's keys changed since; {again}"
        )
    return index
