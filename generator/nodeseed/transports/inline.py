"""Everything is in the user-data; nothing is fetched."""

from __future__ import annotations

from nodeseed.transports.transport import Transport

TRANSPORT = Transport(name="inline", title="in the user-data")
