"""User-data that is too large is refused here, not by a cloud's API in the middle of a launch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nodeseed.errors import PayloadTooLarge
from nodeseed.pki.certificates import PKI
from nodeseed.pki.references import is_reference
from nodeseed.platforms.platform import Platform
from nodeseed.render.encode import gzip
from nodeseed.render.node import Rendering, cloud_config

# Which part of a user-data a file belongs to, by the start of its path on the node.
PARTS: tuple[tuple[str, str], ...] = (
    ("keys and certificates", "/etc/kubernetes/pki/"),
    ("kubeconfigs", "/kubeconfig/"),
    ("kubelet", "/var/lib/kubelet/"),
    ("manifests:", "/etc/nodeseed/manifests/"),
    ("nodeseed itself", "/usr/local/lib/nodeseed/"),
    ("units and configuration", "/etc/"),
    ("files:", "/"),
)


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A node whose user-data is over the limit, and how to make it again for a breakdown."""

    node: str
    size: int
    rendering: Rendering
    meaning: Callable[[str, str], str]


def parts(rendering: Rendering, meaning: Callable[[str, str], str]) -> list[tuple[str, int]]:
    """Bytes of each part, each packed by itself, largest first."""
    staged = cloud_config(rendering, meaning)["write_files"]
    texts: dict[str, list[str]] = {}
    for file, written in zip(rendering.files, staged, strict=True):
        path = file.path
        if is_reference(file.content) and not path.startswith("/kubeconfig/"):
            path = f"{PKI}/"  # wherever pki.directory puts it
        part = next(name for name, start in PARTS if path.startswith(start))
        texts.setdefault(part, []).append(written["content"])
    sizes = [(part, len(gzip("".join(content)))) for part, content in texts.items()]
    return sorted(sizes, key=lambda entry: -entry[1])


def refuse_too_large(platform: Platform, found: list[TooLarge]) -> None:
    """Raise PayloadTooLarge with the bytes of each part of the largest one, and what to do."""
    if not found:
        return
    largest = max(found, key=lambda entry: entry.size)
    table = "\n".join(
        f"  {size:>8,} bytes  {part}" for part, size in parts(largest.rendering, largest.meaning)
    )
    names = ", ".join(entry.node for entry in found[:5]) + (", …" if len(found) > 5 else "")
    raise PayloadTooLarge(
        f"{len(found)} user-data over the limit of {platform.title}, {platform.limit:,} bytes "
        f"({platform.counted}): {names}.\n"
        f"{largest.node} has {largest.size:,} bytes; its parts, each packed by itself:\n{table}\n"
        "Take out what does not need to be there at boot (manifests:, files:), or use ECDSA-P256 "
        f"keys if these are RSA{', or a transport: {name: …}' if platform.transports else ''}."
    )
