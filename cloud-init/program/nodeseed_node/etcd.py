"""Before every start of etcd: ask all peers, answer them, decide, and carry the decision out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from socketserver import BaseServer
from typing import Any

from nodeseed_node.answer import STATE, serve
from nodeseed_node.https import https
from nodeseed_node.machine import Machine
from nodeseed_node.member import (
    client,
    cluster_id,
    disk_member,
    gateway,
    member_id,
    member_list,
    members,
    record,
    recorded,
)
from nodeseed_node.membership import Answer, Decision, Own, Quorum, decide

ENVIRONMENT = "run/nodeseed/etcd.env"


def etcd(m: Machine) -> int:
    """Decide whether and how etcd starts; wait until it may.

    What systemd then reads before it starts etcd is ENVIRONMENT. It says `existing` unless a new
    cluster is to be formed: should the log be lost in between, etcd will not start as `new`.
    """
    servers: list[BaseServer] = []
    try:
        lines = _settle(m, own_state(m), servers)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
    m.write(ENVIRONMENT, lines)
    return 0


def own_state(m: Machine) -> Own:
    """What this machine is, and whose log is on its disk."""
    name, etcd = m.config["node"], m.config["etcd"]
    members = etcd["members"]
    return Own(name, members[name], members, etcd["membershipRevision"], disk_member(m))


def _settle(m: Machine, own: Own, servers: list[BaseServer]) -> str:
    """Go round until etcd may start; give its environment."""
    config = m.config["etcd"]
    state = {"state": "data" if own.disk is not None else "empty", "token": config["token"]}
    quorums: list[Quorum] = []
    answers: dict[str, Answer] = {}
    while True:
        trouble = ""
        try:
            if not servers:
                servers.append(serve(m, own.url, state))
        except OSError as error:
            trouble = f"; cannot answer at {own.url}: {error}"
        decision, answers, quorums = survey(m, own, answers, quorums)
        action = decision.action
        try:
            if action in ("add", "remove"):
                _change(m, decision, own.url, answers)
        except OSError as error:  # strict-reconfig-check, for as long as members are connecting
            trouble += f"; etcd says: {error}"
        m.say(decision.sentence + trouble)
        if action in ("new", "start"):
            return f"ETCD_INITIAL_CLUSTER_STATE={'new' if action == 'new' else 'existing'}\n"
        if action == "existing":
            # of the others etcd compares number and URLs, not names
            # (membership/cluster.go, ValidateClusterAndAssignIDs)
            pairs = (
                f"{own.name if url == own.url else member.id}={url}"
                for member in quorums[0].members
                for url in member.urls
            )
            return f"ETCD_INITIAL_CLUSTER_STATE=existing\nETCD_INITIAL_CLUSTER={','.join(pairs)}\n"
        m.sleep(1)


def survey(
    m: Machine, own: Own, before: Mapping[str, Answer], known: Sequence[Quorum]
) -> tuple[Decision, dict[str, Answer], list[Quorum]]:
    """Ask everybody that we were told of, and everybody that a quorum named, all at once."""
    config = m.config["etcd"]
    named = {url for quorum in known for member in quorum.members for url in member.urls}
    asked = [*({*own.initial.values(), *named} - {own.url})]
    with ThreadPoolExecutor(9) as pool:
        found = list(pool.map(lambda url: _ask(m, url, config), asked))
    answers: dict[str, Answer] = {}
    for url, (answer, _) in zip(asked, found):
        spoke = before.get(url) in ("formed", "data", "healthy", "gone")
        answers[url] = "gone" if answer == "silent" and spoke else answer
    quorums = [quorum for _, quorum in found if quorum]
    window = m.before(config["until"] or "")
    return decide(own, answers, quorums, m.clock_trusted(), window), answers, quorums


def _ask(m: Machine, url: str, config: Any) -> tuple[Answer, Quorum | None]:
    """Ask one peer: its client port for a quorum, its peer port for what it is."""
    try:
        cluster, rows = member_list(m, client(url))
        return "healthy", Quorum(cluster, rows, recorded(m, client(url))[0])
    except (OSError, ValueError, KeyError):
        pass
    try:
        status, said, text = https(m, f"{url}/members", "etcd/", "etcd/peer")
        if status != 200:
            state = json.loads(https(m, url + STATE, "etcd/", "etcd/peer")[2])
            if state["state"] == "data":
                return "data", None
            return "empty" if state["token"] == config["token"] else "other", None
        rows = members(json.loads(text))
        there = int(said, 16)
        # other IDs than its founders': only a quorum can have changed them
        if any(row.started for row in rows) or cluster_id(row.id for row in rows) != there:
            return "formed", None
        ours = cluster_id(member_id(u, config["token"]) for u in config["members"].values())
        return "unstarted" if there == ours else "other", None
    except (OSError, ValueError, KeyError):
        return "silent", None


def _change(m: Machine, decision: Decision, url: str, answers: Mapping[str, Answer]) -> None:
    """Let the cluster remember the new list, then change its membership.

    Raises:
        OSError: etcd refused (etcdserver/server.go, mayAddMember and mayRemoveMember).
    """
    via = client(next(u for u in answers if answers[u] == "healthy"))
    record(m, via)
    body = {"peerURLs": [url], "isLearner": True}
    if decision.action == "remove":
        body = {"ID": str(decision.target)}
    gateway(m, via, f"cluster/member/{decision.action}", body)
