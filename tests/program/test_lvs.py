"""Before keepalived balances in the kernel: the kernel can."""

from __future__ import annotations

from pathlib import Path

from nodeseed_node.lvs import lvs
from tests.program.machines import FakeMachine


def test_it_waits_for_the_modules_and_says_which_are_missing(tmp_path: Path) -> None:
    there = {"nf_conntrack"}
    m = FakeMachine(tmp_path, "lvs", lambda command, _: (command[1] not in there, ""))
    m.configure()
    m.write("etc/modules-load.d/nodeseed-lvs.conf", "ip_vs\nip_vs_wlc\nnf_conntrack\n")
    m.while_asleep = [lambda: there.update(["ip_vs", "ip_vs_wlc"])]
    assert lvs(m) == 0
    assert [line.partition("lvs: ")[2] for line in m.console] == [
        (
            "the kernel lacks ip_vs, ip_vs_wlc for IPVS: boot one that has, or choose another "
            "endpoint.provider"
        ),
        "the kernel has all modules",
    ]
