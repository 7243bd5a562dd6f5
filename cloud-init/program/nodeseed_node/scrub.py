"""What cloud-init caches of the user-data goes, and super-admin's credentials go; at every boot.

cloud-init stores the user-data again whenever it runs (cloudinit/stages.py, update). Its pickled
datasource stays: without it, a machine whose seed is gone would count as a new instance.
"""

from __future__ import annotations

import re

from nodeseed_node.machine import Machine

SUPER = "etc/kubernetes/super-admin.conf"


def scrub(m: Machine) -> int:
    """Wait until cloud-init has ended, ten minutes at most, and for the bindings; then remove."""
    finished = m.path("run/cloud-init/result.json")
    m.until(lambda: "" if finished.exists() else "waiting for cloud-init to end", 600)
    for pattern in (
        "var/lib/cloud/instances/*/user-data.txt*",
        "var/lib/cloud/instances/*/cloud-config.txt",
        "run/cloud-init/combined-cloud-config.json",
    ):
        for path in m.root.glob(pattern):
            path.unlink()
    # kubeadm looks for the file, and at its CA, in every phase; at nothing else of it
    # (phases/kubeconfig/kubeconfig.go, ValidateKubeconfigsForExternalCA)
    text = m.text(SUPER)
    bare = re.sub(r"\n *client-\S+-data: \S+", "", text)
    if bare != text:
        admin = "--kubeconfig=/etc/kubernetes/admin.conf"
        binding = ("clusterrolebinding", "kubeadm:cluster-admins")
        m.until(lambda: _said(*m.run("kubectl", admin, "get", *binding)))
        m.write(SUPER, bare, 0o600)
    m.say("no user-data and no super-admin credentials are left")
    return 0


def _said(code: int, text: str) -> str:
    return text or f"exit code {code}" if code else ""
