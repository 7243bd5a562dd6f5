"""What etcd tells about its members, and what the log on a disk says it belongs to."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from nodeseed_node.https import https
from nodeseed_node.machine import Machine
from nodeseed_node.membership import Member

KEY = base64.b64encode(b"/nodeseed/members").decode()


def members(rows: Iterable[Any]) -> tuple[Member, ...]:
    """Read a member list, from the JSON gateway or from the peer port's /members."""
    return tuple(
        Member(
            int(row.get("ID") or row["id"]),
            row.get("name", ""),
            tuple(row["peerURLs"]),
            bool(row.get("clientURLs")),  # a member publishes them once it has joined a quorum
            row.get("isLearner", False),
        )
        for row in rows
    )


def cluster_id(ids: Iterable[int]) -> int:
    """The ID of a cluster that these members founded (etcd membership/cluster.go, genID)."""
    return _hash(b"".join(i.to_bytes(8, "big") for i in sorted(ids)))


def member_id(url: str, token: str) -> int:
    """The ID of a founding member (etcd membership/member.go, computeMemberID)."""
    return _hash((url + token).encode())


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.sha1(data).digest()[:8], "big")  # noqa: S324 etcd's choice


def disk_member(m: Machine) -> int | None:
    """Whose log is in etcd's data folder: a member ID, 0 if it cannot be read, None without log.

    Like etcd (storage/wal/util.go, Exist) this looks for *.wal: a `new` that was refused leaves
    a member folder without any. Each log file begins with a record of its checksum and a record
    of the member and cluster IDs (storage/wal/wal.go, Create; walpb/record.proto): type 1,
    checksum, data { member ID, cluster ID }.
    """
    for log in sorted(m.path("var/lib/etcd/member/wal").glob("*.wal")):
        with log.open("rb") as file:
            number = rb"[\x80-\xff]*."
            head = rb"\x08\x01\x10%b\x1a.\x08(%b)\x10" % (number, number)
            found = re.search(head, file.read(128), re.S)
        return sum((b & 127) << 7 * i for i, b in enumerate(found[1])) if found else 0
    return None


def gateway(
    m: Machine, url: str, path: str, body: Any, pair: str = "etcd/healthcheck-client"
) -> Any:
    """Call etcd's JSON gateway on a client port.

    Raises:
        OSError: No answer, or etcd refused; the text is etcd's own.
    """
    status, _, text = https(m, f"{url}/v3/{path}", "etcd/", pair, body)
    answer = json.loads(text)
    if status != 200:
        raise OSError(answer.get("message", text))
    return answer


def client(peer_url: str) -> str:
    """A member's client URL."""
    return re.sub(r"\d+$", "2379", peer_url)


def member_list(m: Machine, url: str, *pair: str) -> tuple[int, tuple[Member, ...]]:
    """Ask for cluster ID and members; an answer means that a quorum stands behind it.

    Raises:
        OSError: There is no quorum, or this member has no part in it.
    """
    answer = gateway(m, url, "cluster/member/list", {"linearizable": True}, *pair)
    return int(answer["header"]["cluster_id"]), members(answer["members"])


def quorum(
    m: Machine, urls: Iterable[str], pair: str = "etcd/healthcheck-client"
) -> tuple[str, tuple[Member, ...]]:
    """Find a client URL behind which there is a quorum, and the member list.

    Raises:
        OSError: There is none.
    """
    for url in urls:
        try:
            return url, member_list(m, url, pair)[1]
        except OSError:
            continue
    raise OSError("waiting for a healthy etcd quorum")


def recorded(m: Machine, url: str) -> tuple[int, str]:
    """Read the revision of the member list that the cluster remembers, and the key's own."""
    for row in gateway(m, url, "kv/range", {"key": KEY}).get("kvs", []):
        return json.loads(base64.b64decode(row["value"]))["revision"], row["mod_revision"]
    return 0, "0"


def record(m: Machine, url: str) -> None:
    """Make the cluster remember our member list, unless it knows a newer one.

    Raises:
        OSError: etcd did not take it.
    """
    etcd = m.config["etcd"]
    revision, changed = recorded(m, url)
    if revision < etcd["membershipRevision"]:
        value = {"revision": etcd["membershipRevision"], "members": etcd["members"]}
        put = {"key": KEY, "value": base64.b64encode(json.dumps(value).encode()).decode()}
        body = {
            "compare": [{"key": KEY, "target": "MOD", "mod_revision": changed}],
            "success": [{"request_put": put}],
        }
        if not gateway(m, url, "kv/txn", body).get("succeeded"):
            raise OSError("another machine changed the member list just now")
