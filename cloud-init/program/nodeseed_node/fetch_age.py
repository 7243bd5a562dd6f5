"""The same for a payload that is encrypted with age: the image has the program and the identity.

Who reads the store, or holds the machine's role, has nothing without the identity. It is on the
machine before any user-data, since what user-data brings is no second lock.
"""

from __future__ import annotations

import gzip

from nodeseed_node.fetch import STUB, fetch
from nodeseed_node.machine import Machine

SEALED = "run/nodeseed/payload.age"
OPENED = "run/nodeseed/payload"


def fetch_age(m: Machine) -> int:
    """Fetch, and wait until what came can be opened; age, or sh, says best what is missing."""
    names = m.load(STUB)["identity"][1:], OPENED, SEALED
    opening = 'umask 77; exec age -d -i "$0" -o "$1" "$2"'

    def missing() -> str:
        code, said = m.run("sh", "-c", opening, *[str(m.path(name)) for name in names])
        return said if code else ""

    def unpack(payload: bytes) -> bytes:
        m.write(SEALED, payload, 0o600)
        m.until(missing, about="cannot open the payload: ")
        files = gzip.decompress(m.path(OPENED).read_bytes())
        m.remove(SEALED)
        m.remove(OPENED)
        return files

    return fetch(m, unpack)
