"""The membership decision where etcd is a static pod: its manifest comes and goes.

Nothing may start etcd before the decision, and the kubelet starts what lies in its folder. So
`hold`, before the kubelet, takes the manifest out at every boot; `static-pod` decides, puts it
in, and stays: it takes it out again when the log is gone or the cluster has removed us.
"""

from __future__ import annotations

import re

from nodeseed_node.etcd import ENVIRONMENT, etcd, survey
from nodeseed_node.machine import Machine
from nodeseed_node.member import disk_member

MANIFEST = "etc/kubernetes/manifests/etcd.yaml"


def hold(m: Machine) -> int:
    """Take etcd out of the kubelet's folder."""
    m.remove(MANIFEST)
    return 0


def static_pod(m: Machine) -> int:
    """Decide, start, watch, for ever."""
    while True:
        hold(m)
        etcd(m)
        # of a flag that is there twice the later one counts
        flags = re.sub(
            "ETCD_(.*?)=",
            lambda name: f"    - --{name[1].lower().replace('_', '-')}=",
            m.text(ENVIRONMENT),
        )
        text = m.text("etc/nodeseed/etcd.yaml").replace("    resources:", flags + "    resources:")
        m.write(MANIFEST, text, 0o600)
        seen = False
        while True:
            m.sleep(10)
            disk = disk_member(m)
            seen = seen or disk is not None
            action, _, needs = survey(m, disk, {})[0]
            # before there is a log, what was decided may be overtaken by what others do
            fine = action == "wait" or needs == m.text(ENVIRONMENT)
            if not (action == "start" if seen else fine):
                break
