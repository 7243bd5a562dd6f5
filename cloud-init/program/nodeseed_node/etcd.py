"""Before every start of etcd: ask all peers, answer them, decide, and carry the decision out."""

from __future__ import annotations

import json
import socketserver
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
from nodeseed_node.membership import (
    ADD,
    DATA,
    EMPTY,
    EXISTING,
    FORMED,
    GONE,
    HEALTHY,
    NEW,
    OTHER,
    REMOVE,
    SILENT,
    UNSTARTED,
    WAIT,
    Decision,
    Own,
    Quorum,
    decide,
)

ENVIRONMENT = "run/nodeseed/etcd.env"


def etcd(m: Machine) -> int:
    """Decide whether and how etcd starts; wait until it may.

    What systemd then reads before it starts etcd is ENVIRONMENT.
    """
    own = own_state(m)
    servers: list[socketserver.BaseServer] = []
    m.path(ENVIRONMENT).unlink(missing_ok=True)
    try:
        decision, quorums = _settle(m, own, servers)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
    lines = [f"ETCD_INITIAL_CLUSTER_STATE={NEW if decision.action == NEW else EXISTING}"]
    if decision.action == EXISTING:
        # the names of others do not matter to etcd, their number and URLs do
        # (membership/cluster.go, ValidateClusterAndAssignIDs)
        pairs = [
            f"{own.name if own.url in member.urls else member.id}={url}"
            for member in quorums[0].members
            for url in member.urls
        ]
        lines.append(f"ETCD_INITIAL_CLUSTER={','.join(pairs)}")
    m.write(ENVIRONMENT, "\n".join([*lines, ""]))
    return 0


def _settle(
    m: Machine, own: Own, servers: list[socketserver.BaseServer]
) -> tuple[Decision, list[Quorum]]:
    """Go round until there is a decision that ends in starting etcd."""
    state = "empty" if own.disk is None else "has data"
    quorums: list[Quorum] = []
    answers: dict[str, str] = {}
    while True:
        trouble = ""
        try:
            if not servers:
                servers.append(
                    serve(m, own.url, {"state": state, "token": m.config["etcd"]["token"]})
                )
        except OSError as error:
            trouble = f"; peers cannot ask {own.url}: {error}"
        decision, answers, quorums = survey(m, own, answers, quorums)
        try:
            _change(m, decision, own, answers)
        except OSError as error:
            trouble += f"; etcd says: {error}"
        m.say(decision.sentence + trouble)
        if decision.action not in (WAIT, ADD, REMOVE):
            return decision, quorums
        m.sleep(1)


def own_state(m: Machine) -> Own:
    """What this machine is, and whose log is on its disk."""
    name, own = m.config["node"], m.config["etcd"]
    disk = disk_member(m.path("var/lib/etcd"))
    return Own(name, own["members"][name], own["members"], own["membershipRevision"], disk)


def survey(
    m: Machine, own: Own, before: Mapping[str, str], known: Iterable[Quorum]
) -> tuple[Decision, dict[str, str], list[Quorum]]:
    """Ask everybody that we were told of, and everybody that a quorum named, all at once."""
    urls = {*own.initial.values(), *(u for q in known for row in q.members for u in row.urls)}
    config = m.config["etcd"]
    with ThreadPoolExecutor(9) as pool:
        asked = sorted(urls - {own.url})
        found = dict(zip(asked, pool.map(lambda url: _ask(m, url, config), asked)))
    answers = {url: answer for url, (answer, _) in found.items()}
    for url, answer in answers.items():
        if answer == SILENT and before.get(url) in (FORMED, DATA, HEALTHY, GONE):
            answers[url] = GONE
    quorums = [quorum for _, quorum in found.values() if quorum]
    now = m.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    window = bool(config["until"]) and now < config["until"]
    return decide(own, answers, quorums, m.clock_trusted(), window), answers, quorums


def _ask(m: Machine, url: str, config: Any) -> tuple[str, Quorum | None]:
    """Ask one peer: its client port for a quorum, its peer port for what it is."""
    try:
        cluster, rows = member_list(m, client(url))
        return HEALTHY, Quorum(cluster, rows, recorded(m, client(url))[0])
    except (OSError, ValueError, KeyError):
        pass
    try:
        status, said, text = https(m, f"{url}/members", "etcd/", "etcd/peer")
        if status == 200:
            rows = members(json.loads(text))
            formed = any(row.started for row in rows)
            if formed or cluster_id(row.id for row in rows) != int(said, 16):
                return FORMED, None  # or changed since it was formed, which only a quorum does
            ours = cluster_id(member_id(u, config["token"]) for u in config["members"].values())
            return UNSTARTED if int(said, 16) == ours else OTHER, None
        answer = json.loads(https(m, url + STATE, "etcd/", "etcd/peer")[2])
        if answer["state"] != "empty":
            return DATA, None
        return EMPTY if answer["token"] == config["token"] else OTHER, None
    except (OSError, ValueError, KeyError):
        return SILENT, None


def _change(m: Machine, decision: Decision, own: Own, answers: Mapping[str, str]) -> None:
    """Change the cluster's membership, if that was decided, and let it remember the new list.

    Raises:
        OSError: etcd refused; it does so until its members have been connected for a while
            (etcdserver/server.go, mayAddMember and mayRemoveMember).
    """
    if decision.action in (ADD, REMOVE):
        url = client(next(u for u in sorted(answers) if answers[u] == HEALTHY))
        record(m, url)
        body = (
            {"peerURLs": [own.url], "isLearner": True}
            if decision.action == ADD
            else {"ID": str(decision.target)}
        )
        gateway(m, url, f"cluster/member/{decision.action}", body)
