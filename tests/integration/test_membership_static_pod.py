"""The membership decision where etcd is a static pod: real etcd members under a small kubelet."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import yaml

from nodeseed_node.member import disk_member
from nodeseed_node.promote import promote
from nodeseed_node.static_pod import MANIFEST, static_pod
from tests.integration.etcd_members import (
    Lab,
    Node,
    Stopped,
    eventually,
    has,
    number,
    put,
    remove,
    voters,
)


class Kubelet(Node):
    """The step that stays, and a kubelet that runs the pod whose manifest lies in its folder."""

    command: tuple[str, ...] = ()

    def _systemd(self) -> None:
        flags = "".join(f"    - --{name}={value}\n" for name, value in self.settings().items())
        pod = f"spec:\n  containers:\n  - command:\n    - etcd\n{flags}    resources: {{}}\n"
        self.write("etc/nodeseed/etcd.yaml", pod)
        with contextlib.suppress(Stopped):
            while True:
                try:
                    static_pod(self)
                except OSError as error:
                    self.say(f"failed, will be tried again: {error!r}")
                self.sleep(1)

    def sleep(self, seconds: float) -> None:
        """Let a shorter time pass; then look into the folder."""
        super().sleep(min(seconds, 1))
        if threading.current_thread() is not self.thread:
            return  # another step sleeps
        text = self.text(MANIFEST)
        pod: Any = yaml.safe_load(text)["spec"] if text else {"containers": [{"command": ()}]}
        command = tuple(pod["containers"][0]["command"][1:])
        if self.process and (command != self.command or self.process.poll() is not None):
            self.process.kill()
            self.process.wait()
            self.process = None
        if command and not self.process:
            self.spawn([*command], {})
        self.command = command


def three(lab: Lab) -> list[Kubelet]:
    # other addresses than those of tests that may run at the same time
    names = ("m31", "m32", "m33")
    nodes = []
    for name in names:
        plain = lab.add(name, names)
        node = Kubelet(plain.root, name, plain.binary)
        lab.nodes[name] = node
        nodes.append(node)
        node.start()
    eventually(lambda: voters(lab, nodes[0]) == set(names))
    put(nodes[0], "before")
    return nodes


def test_three_form_a_cluster_and_a_reboot_starts_undecided(lab: Lab) -> None:
    nodes = three(lab)
    assert sum("--initial-cluster-state=new" in node.command for node in nodes) >= 2
    for node in nodes:
        node.stop()
        node.start()
    eventually(lambda: has(nodes[0], "before"))
    assert all("--initial-cluster-state=new" not in node.command for node in nodes)


def test_within_a_boot_a_lost_log_is_noticed_and_the_member_replaced(lab: Lab) -> None:
    one, _, last = three(lab)
    old = number(lab, one, "m33")
    last.wipe()
    eventually(lambda: "replacing the old m33" in last.lines)
    assert promote(last) == 0
    eventually(lambda: voters(lab, one) == {"m31", "m32", "m33"})
    assert disk_member(last) != old


def test_within_a_boot_a_removed_member_is_stopped_and_says_so(lab: Lab) -> None:
    one, _, last = three(lab)
    eventually(lambda: remove(one, number(lab, one, "m33")))
    eventually(lambda: last.waits == "removed from the cluster; wipe the data disk to rejoin")
    assert not last.text(MANIFEST)
    assert voters(lab, one) == {"m31", "m32"}
