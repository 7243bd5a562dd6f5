"""``python -m nodeseed.reference FOLDER``: writes every page there, by default into docs."""

from __future__ import annotations

import sys
from pathlib import Path

from nodeseed.reference import pages


def main(folder: Path) -> None:
    """Write every page into ``folder``."""
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")


main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
