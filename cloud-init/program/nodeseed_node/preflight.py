"""What must be right before anything of Kubernetes starts; waits, and says plainly what is wrong.

kubeadm does not notice a missing sa.key, sa.pub or client certificate for etcd, and a kubelet
under the wrong name is refused by the node authorizer without a word about names.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

from nodeseed_node.install import RECORD
from nodeseed_node.machine import Machine


def preflight(m: Machine) -> int:
    """Wait until nothing is wrong; then, for two minutes at most, for the clock."""
    m.until(lambda: "; ".join(_problems(m)))
    text = "the clock is not synchronised"
    m.say("all is well" if m.until(lambda: "" if m.clock_trusted() else text, 120) else text)
    return 0


def numbers(text: str) -> list[int]:
    """The version in a text."""
    return [int(n) for n in re.findall(r"\d+", text)[:3]]


def _problems(m: Machine) -> Iterator[str]:
    config = m.config
    name = m.text("proc/sys/kernel/hostname").strip()
    if name != config["node"]:
        yield f"the host name is {name}, not {config['node']}"
    there = m.run("ip", "-o", "address")[1]
    for address in config["addresses"]:
        if f" {address}/" not in there:
            yield f"no interface has {address}"
    # asked themselves: what `kubeadm upgrade` has made newer than the image is right
    for program, wanted in config["programs"].items():
        code, said = m.run(*program.split())
        if code or numbers(said)[:2] < numbers(wanted)[:2]:
            yield f"{program.split()[0]} {wanted} is needed: {said}" + m.text("etc/nodeseed/image")
    kubelet = m.text("var/lib/kubelet/config.yaml")
    if kubelet and not m.path("run/containerd/containerd.sock").exists():
        yield "containerd does not run"
    if kubelet and "failSwapOn: false" not in kubelet and m.text("proc/swaps").count("\n") > 1:
        yield "swap is on: swapoff -a"
    for place in re.findall(r"^\S+\s+(/var/\S+)", m.text("etc/fstab"), re.M):
        if f" {place} " not in m.text("proc/mounts"):
            yield f"{place} is not mounted"
    for name in m.load(RECORD)["files"]:
        path = m.path(name)
        if not path.exists():
            yield f"{name} is missing"
        elif name.endswith(".crt"):
            # the standard library's only way to read a certificate that is in no connection
            end = ssl._ssl._test_decode_cert(path)["notAfter"]  # type: ignore[attr-defined]
            if ssl.cert_time_to_seconds(end) < m.now():
                yield f"{name} has expired: boot with newer user-data"
