"""What is allowed but better otherwise: said by `check` and `render`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from nodeseed.nodes.design import Design
from nodeseed.nodes.hairpin import hairpin


def proxy_mode(design: Design) -> Iterator[str]:
    """ipvs goes (kubernetes v1.37.2, cmd/kube-proxy/app/server_linux.go)."""
    if design.proxy_mode == "ipvs":
        yield (
            "kube-proxy's ipvs mode is deprecated since 1.35, off from 1.40 and gone with 1.43; "
            "write `proxy.mode: nftables`."
        )


WARNINGS: Final[tuple[Callable[[Design], Iterator[str]], ...]] = (proxy_mode, hairpin)


def warnings(design: Design) -> list[str]:
    """Every warning about a cluster, one sentence each."""
    return [f"Warning: {text}" for warning in WARNINGS for text in warning(design)]
