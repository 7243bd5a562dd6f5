"""What cloud-init caches of the user-data goes; at every boot.

cloud-init stores the user-data again whenever it runs (cloudinit/stages.py, update). Its pickled
datasource stays: without it, a machine whose seed is gone would count as a new instance.
"""

from __future__ import annotations

from nodeseed_node.machine import Machine


def scrub(m: Machine) -> int:
    """Wait until cloud-init has ended, ten minutes at most; then remove."""
    finished = m.path("run/cloud-init/result.json")
    m.until(lambda: "" if finished.exists() else "waiting for cloud-init to end", 600)
    for pattern in (
        "var/lib/cloud/instances/*/user-data.txt*",
        "var/lib/cloud/instances/*/cloud-config.txt",
        "run/cloud-init/combined-cloud-config.json",
    ):
        for path in m.root.glob(pattern):
            path.unlink()
    m.say("no user-data is left")
    return 0
