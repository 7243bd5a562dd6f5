"""By which ID a cloud controller manager finds this machine, where its name does not do.

The kubelet may say it once, when it registers; so it waits until the machine knows.
"""

from __future__ import annotations

from nodeseed_node.instance import whole_id
from nodeseed_node.machine import Machine


def provider_id(m: Machine) -> int:
    """Give the kubelet its arguments with the provider ID, at every start of it."""
    m.until(lambda: _arguments(m))
    return 0


def _arguments(m: Machine) -> str:
    found = whole_id(m, m.config["providerID"])
    flags = m.text("var/lib/kubelet/kubeadm-flags.env").strip()[:-1]
    m.write("run/nodeseed/provider-id.env", f'{flags} --provider-id={found}"\n')
    m.say(found)
    return ""
