"""cloud-init remembers the user-data in its datasource, too, which must stay.

Without it the next boot could take itself for a new machine's. So the user-data in it shrinks, at
every boot, to what is no secret and is needed again, such as the host name. The unit then removes
the files that hold nothing else.
"""

from __future__ import annotations

import pickle
import re
from typing import Any

from nodeseed_node.machine import Machine


def scrub(m: Machine) -> int:
    """Take keys and certificates out of the datasource that cloud-init keeps."""
    for path in m.root.glob("var/lib/cloud/instances/*/obj.pkl"):
        config = m.text(f"{path.parent}/cloud-config.txt")
        kept = re.sub(r"(?ms)^(write_files|runcmd):.*?(?=^\w|\Z)", "", config)
        try:
            if kept:  # else it was done before, at this boot
                source = pickle.loads(path.read_bytes())  # noqa: S301 - root's own
                _forget(vars(source), kept)
                m.write(f"{path}", pickle.dumps(source), 0o400)
        except Exception as error:  # a cloud-init that is not of this Python
            m.say(f"{path} keeps user-data: {error!r}")
    return 0


def _forget(values: Any, kept: str) -> None:
    """Replace user-data, whatever a datasource calls it, wherever it keeps it."""
    for name, value in values.items():
        if isinstance(value, dict):
            _forget(value, kept)
        elif re.match("user.?data", name):
            values[name] = kept if isinstance(value, (str, bytes)) else None
