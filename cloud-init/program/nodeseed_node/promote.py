"""A learner becomes a voter, and the cluster remembers its member list; at every boot."""

from __future__ import annotations

from nodeseed_node.machine import Machine
from nodeseed_node.member import client, gateway, quorum, record


def promote(m: Machine) -> int:
    """Wait for a quorum; promote ourselves as long as it lists us as a learner."""
    urls = m.config["etcd"]["members"]
    own = urls[m.config["node"]]

    def missing() -> str:
        # our own etcd last: a learner answers no clients
        via, rows = quorum(m, map(client, sorted(urls.values(), key=own.__eq__)))
        for row in rows:
            if own in row["peerURLs"] and row.get("clientURLs"):
                if row.get("isLearner"):
                    gateway(m, via, "cluster/member/promote", {"ID": row["ID"]})
                record(m, via)
                return ""
        return "waiting for this node's etcd to join"

    m.until(missing)
    m.say("a voting member")
    return 0
