"""One unambiguous byte encoding for everything that is hashed or derived from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

SCHEME = "nodeseed/v1"


def length_prefixed(items: Iterable[str | bytes | int]) -> bytes:
    """Each item as 4 bytes of big-endian length and its bytes, so that no two lists look alike.

    Text is UTF-8, whole numbers are their decimal text.
    """
    parts = []
    for item in items:
        data = item if isinstance(item, bytes) else str(item).encode()
        parts.append(len(data).to_bytes(4, "big") + data)
    return b"".join(parts)


def digest(purpose: str, *items: str | bytes | int) -> bytes:
    """SHA-256 (32 bytes) over the scheme, a purpose and ``items``; public, nothing secret in it."""
    return hashlib.sha256(length_prefixed((SCHEME, purpose, *items))).digest()
