"""What is allowed but better otherwise: said by `check` and `render`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.hairpin import hairpin
from nodeseed.nodes.transport import deletes_after_read


def proxy_mode(design: Design) -> Iterator[str]:
    """ipvs goes (kubernetes v1.37.2, cmd/kube-proxy/app/server_linux.go)."""
    if design.proxy_mode == "ipvs":
        yield (
            "kube-proxy's ipvs mode is deprecated since 1.35, off from 1.40 and gone with 1.43; "
            "write `proxy.mode: nftables`."
        )


def deleted_payloads(design: Design) -> Iterator[str]:
    """What transport.deleteAfterRead costs."""
    if deletes_after_read(design):
        versions = (
            "; in a bucket with versioning what was deleted stays as an older version, until a "
            "lifecycle rule removes it"
            if design.transport.name == "s3"
            else ""
        )
        yield (
            "transport.deleteAfterRead: a machine that replaces another cannot boot until you "
            f"publish its payload again (nodeseed publish CLUSTER.yaml NODE){versions}."
        )


WARNINGS: Final[tuple[Callable[[Design], Iterator[str]], ...]] = (
    proxy_mode,
    hairpin,
    deleted_payloads,
)


def warnings(design: Design) -> list[str]:
    """Every warning about a cluster, one sentence each."""
    return [f"Warning: {text}" for warning in WARNINGS for text in warning(design)]
