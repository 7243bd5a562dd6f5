"""The pages of docs/ that follow from the code: what a table here says is what nodeseed does.

``python -m nodeseed.reference docs`` writes them; tests/test_docs.py fails where they are stale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nodeseed.reference import certificates, cluster_file, commands, components, platforms

PAGES: Final[dict[str, Callable[[], str]]] = {
    "cluster-file.md": cluster_file.text,
    "certificates.md": certificates.text,
    "platforms.md": platforms.text,
    "components.md": components.text,
    "commands.md": commands.text,
}


def pages() -> list[tuple[str, str]]:
    """Name and text of every page."""
    return [(name, text()) for name, text in PAGES.items()]
