"""How a node's payload reaches it: one small module for each transport, and one table.

Adding a transport is a module with a ``TRANSPORT``, its line here, and the names of the platforms
whose machines can use it.
"""

from __future__ import annotations

from typing import Final

from nodeseed.transports import inline, s3, secrets_manager, ssm
from nodeseed.transports.transport import Transport

TRANSPORTS: Final[dict[str, Transport]] = {
    module.TRANSPORT.name: module.TRANSPORT for module in (inline, s3, secrets_manager, ssm)
}
