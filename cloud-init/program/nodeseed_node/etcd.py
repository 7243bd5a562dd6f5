"""Before every start of etcd: ask all peers, answer them, decide, and carry the decision out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nodeseed_node.answer import STATE, serve
from nodeseed_node.https import https
from nodeseed_node.machine import Machine
from nodeseed_node.member import client, disk_member, gateway, member_list, record, recorded
from nodeseed_node.membership import Answer, Decision, Quorum, decide

ENVIRONMENT = "run/nodeseed/etcd.env"


def etcd(m: Machine) -> int:
    """Decide whether and how etcd starts; wait until it may.

    What systemd then reads before it starts etcd is ENVIRONMENT, over settings that say
    `existing`. Nothing is decided before our own peer port is ours: who cannot have it is not
    the member that it believes to be, or its etcd still runs.
    """
    config = m.config
    etcd = config["etcd"]
    disk = disk_member(m)
    state = {"state": "empty" if disk is None else "has data", "token": etcd["token"]}
    server = serve(m, etcd["members"][config["node"]], state)
    answers: dict[str, Answer] = {}

    def missing() -> str:
        nonlocal answers
        (action, sentence, needs), answers = survey(m, disk, answers)
        if action in ("add", "remove"):
            via = client(next(url for url in answers if isinstance(answers[url], Quorum)))
            if not record(m, via):
                gateway(m, via, f"cluster/member/{action}", needs)
        elif action != "wait":
            m.write(ENVIRONMENT, needs)
            m.say(sentence)
            if action == "existing":  # a learner needs promotion, also when this is no boot
                m.run("systemctl", "--no-block", "restart", "nodeseed-etcd-promote")
            return ""
        return sentence

    try:
        m.until(missing)
    finally:
        server.shutdown()
        server.server_close()
    return 0


def survey(
    m: Machine, disk: str | None, before: Mapping[str, Answer]
) -> tuple[Decision, dict[str, Answer]]:
    """Ask everybody that we were told of, then everybody that a quorum named, and decide."""
    config = m.config
    etcd = config["etcd"]
    answers: dict[str, Answer] = {}
    named = {*etcd["members"].values()}
    with ThreadPoolExecutor(9) as pool:
        for _ in range(2):
            asked = [*named - {etcd["members"][config["node"]], *answers}]
            answers.update(zip(asked, pool.map(lambda url: _ask(m, url, etcd), asked)))
            named = {
                url
                for answer in answers.values()
                if isinstance(answer, Quorum)
                for row in answer.members
                for url in row["peerURLs"]
            }
    for url, answer in answers.items():
        if answer == "silent" and before.get(url, answer) not in ("silent", "empty", "other"):
            answers[url] = "gone"
    window = m.before(etcd["until"] or "")
    return decide(config, disk, answers, m.clock_trusted(), window), answers


def _ask(m: Machine, url: str, etcd: Any) -> Answer:
    """Ask one peer: its client port for a quorum, its peer port for what it is."""
    try:
        return Quorum(member_list(m, client(url)), recorded(m, client(url)))
    except (OSError, ValueError, KeyError):
        pass
    try:
        status, text = https(m, url + STATE, "etcd/", "etcd/peer")
        if status == 200:
            state = json.loads(text)
            formed = state["state"] != "empty"
            ours = state["token"] == etcd["token"]
        else:
            rows = json.loads(https(m, f"{url}/members", "etcd/", "etcd/peer")[1])
            formed = any(row.get("clientURLs") for row in rows)
            # a founder's ID (etcd membership/member.go, computeMemberID); later ones have a time
            ours = {row["id"] for row in rows} == {
                int(hashlib.sha1((u + etcd["token"]).encode()).hexdigest()[:16], 16)  # noqa: S324
                for u in etcd["members"].values()
            }
    except (OSError, ValueError, KeyError):
        return "silent"
    return "formed" if formed else "empty" if ours else "other"
