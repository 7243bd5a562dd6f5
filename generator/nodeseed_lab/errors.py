"""How the lab says no; it ends like every other ``NodeseedError``, in one message."""

from __future__ import annotations

from nodeseed.errors import NodeseedError


class LabError(NodeseedError):
    """Docker, the node image or a machine in the lab is not as it must be."""

    exit_code = 20
