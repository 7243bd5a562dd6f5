"""What must be right before anything of Kubernetes starts; waits, and says plainly what is wrong.

kubeadm does not notice a missing sa.key, sa.pub or client certificate for etcd, and a kubelet
under the wrong name is refused by the node authorizer without a word about names.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator

from nodeseed_node.install import RECORD
from nodeseed_node.machine import Machine


def preflight(m: Machine) -> int:
    """Wait until nothing is wrong; then, for two minutes at most, for the clock."""
    m.run("modprobe", "-a", *m.text("etc/modules-load.d/nodeseed.conf").split())
    m.until(lambda: "; ".join(_problems(m)))
    text = "the clock is not synchronised"
    clock = m.until(lambda: "" if m.clock_trusted() else text, 120)
    days = min((end - m.now().timestamp()) // 86400 for end in _certificates(m))
    m.say(f"{'all is well' if clock else text}; certificates last {days:.0f} days")
    return 0


def numbers(text: str) -> list[int]:
    """The version in a text."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return [int(n) for n in found.groups()] if found else []


def _problems(m: Machine) -> Iterator[str]:
    config = m.config
    name = m.text("proc/sys/kernel/hostname").strip()
    if name != config["node"]:
        yield f"the host name is {name}, not {config['node']}"
    for address in config["addresses"]:
        try:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        except OSError:
            yield f"no interface has {address}"
    version = config.get("kubernetesVersion", "0.0.0")
    for program, wanted in (
        ("kubelet --version", version if m.path("var/lib/kubelet/config.yaml").exists() else ""),
        ("kubeadm version", version if config["role"] == "control-plane" else ""),
        ("etcd --version", "0.0.0" if m.path("etc/etcd.env").exists() else ""),
    ):
        # one that `kubeadm upgrade` has made newer is right
        if wanted and numbers(m.run(*program.split())[1])[:2] < numbers(wanted)[:2]:
            yield f"{program.split()[0]} is absent or older than {wanted}"
    kubelet = m.text("var/lib/kubelet/config.yaml")
    if kubelet and not m.path("run/containerd/containerd.sock").exists():
        yield "containerd does not run"
    if kubelet and "failSwapOn: false" not in kubelet and m.text("proc/swaps").count("\n") > 1:
        yield "swap is on and the kubelet refuses it: swapoff -a"
    for line in m.text("etc/fstab").splitlines():
        place = line.split()[1:2]
        if place and place[0].startswith("/var/") and f" {place[0]} " not in m.text("proc/mounts"):
            yield f"{place[0]} is not mounted"
    lost = [name for name in m.load(RECORD)["files"] if not m.path(name).exists()]
    if lost:
        yield f"missing: {' '.join(lost)}"
    elif min(_certificates(m)) < m.now().timestamp():
        yield "a certificate has expired: boot with newer user-data"


def _certificates(m: Machine) -> Iterator[float]:
    """When the certificates that were placed end; each must fit its key."""
    files = m.load(RECORD)["files"]
    for name in files:
        if name.endswith(".crt"):
            path = str(m.path(name))
            key = name[:-3] + "key"
            if key in files:
                try:
                    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, m.path(key))
                except ssl.SSLError as error:
                    raise OSError(f"{name} and its key do not fit: {error.reason}") from error
            # the standard library's only way to read a certificate that is in no connection
            about = ssl._ssl._test_decode_cert(path)  # type: ignore[attr-defined]
            yield ssl.cert_time_to_seconds(about["notAfter"])
