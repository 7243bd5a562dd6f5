"""A learner becomes a voter, and the cluster remembers its member list; at every boot."""

from __future__ import annotations

from nodeseed_node.machine import Machine
from nodeseed_node.member import client, gateway, member_list, record


def promote(m: Machine) -> int:
    """Wait for a quorum; promote ourselves as long as it lists us as a learner."""
    config = m.config["etcd"]
    own = config["members"][m.config["node"]]

    def missing() -> str:
        # our own etcd last: a learner answers no clients
        for url in sorted(config["members"].values(), key=lambda u: u == own):
            try:
                _, rows = member_list(m, client(url))
                break
            except OSError:
                continue
        else:
            return "waiting for a healthy etcd quorum"
        me = [row for row in rows if own in row.urls]
        if not me or not me[0].started:
            return "waiting for etcd on this node to join"
        if me[0].learner:
            gateway(m, client(url), "cluster/member/promote", {"ID": str(me[0].id)})
        record(m, client(url))
        return ""

    m.until(missing)
    m.say("a voting member")
    return 0
