"""cloud-init remembers the user-data in its datasource, too, which must stay.

Without it the next boot could take itself for a new machine's. So the user-data in it becomes, at
every boot, what cloud-init needs again: the host name. The unit removes files that hold nothing
else.
"""

from __future__ import annotations

import pickle
import re

from nodeseed_node.machine import Machine


def scrub(m: Machine) -> int:
    """Take the user-data out of the datasource, whatever that calls it, wherever it keeps it."""
    kept = f"#cloud-config\nhostname: {m.config['node']}\nprefer_fqdn_over_hostname: false\n"
    for path in m.root.glob("var/lib/cloud/instances/*/obj.pkl"):
        try:
            source = pickle.loads(path.read_bytes())  # noqa: S301 - root's own
            found = [vars(source)]
            for values in found:
                for name, value in values.items():
                    if isinstance(value, dict):
                        found.append(value)
                    elif re.match("user.?data", name):
                        values[name] = kept
            source.userdata = None  # made of the other anew
            m.write(f"{path}", pickle.dumps(source), 0o400)
        except Exception as error:  # a cloud-init that is not of this Python
            m.say(f"{path} keeps user-data: {error!r}")
    return 0
