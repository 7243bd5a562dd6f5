"""``python -m nodeseed``."""

from nodeseed.cli import main

main()
