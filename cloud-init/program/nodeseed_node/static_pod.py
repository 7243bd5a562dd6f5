"""The membership decision where etcd is a static pod: its manifest comes and goes.

Nothing may start etcd before the decision, and the kubelet starts what lies in its folder. So
`hold`, before the kubelet, takes the manifest out at every boot; `static-pod` decides, puts it
in, and stays: it takes it out again when the log is gone or the cluster has removed us.
"""

from __future__ import annotations

from nodeseed_node.etcd import ENVIRONMENT, etcd, own_state, survey
from nodeseed_node.machine import Machine

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
        text = m.text("etc/nodeseed/etcd.yaml")
        for setting in m.text(ENVIRONMENT).splitlines():
            name, _, value = setting.partition("=")
            flag = f"--{name[5:].lower().replace('_', '-')}="
            lines = [line for line in text.splitlines() if flag not in line]
            text = "\n".join([*lines, ""])
            text = text.replace("    - etcd\n", f"    - etcd\n    - {flag}{value}\n")
        m.write(MANIFEST, text, 0o600)
        started = False
        while True:
            m.sleep(10)
            own = own_state(m)
            started = started or own.disk is not None
            if started and survey(m, own, {}, ())[0].action != "start":
                break
