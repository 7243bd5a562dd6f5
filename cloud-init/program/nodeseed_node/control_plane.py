"""The control plane's static pods, as kubeadm writes them.

`kubeadm init phase` sees an external CA in the absence of its key, and leaves certificates and
kubeconfigs alone (cmd/kubeadm/app/phases/certs/certs.go, UsingExternalCA).
"""

from __future__ import annotations

from nodeseed_node.machine import Machine
from nodeseed_node.pods import start


def control_plane(m: Machine) -> int:
    """Have kubeadm write the manifests."""
    return start(m, lambda pod: kubeadm(m, "control-plane " + pod))


def kubeadm(m: Machine, phase: str) -> str:
    """Run a phase; give nothing, since nothing is in the way then.

    Raises:
        OSError: It failed.
    """
    return ask(m, f"kubeadm init phase {phase} --config=/etc/kubernetes/kubeadm.yaml")[:0]


def ask(m: Machine, command: str, stdin: str = "") -> str:
    """Run a command; give what it printed.

    Raises:
        OSError: It failed; the text is its complaint, in one line.
    """
    code, said = m.run(*command.split(), stdin=stdin)
    if code:
        raise OSError(said.rpartition("error: ")[2].splitlines()[0])
    return said
