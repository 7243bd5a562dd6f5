"""What etcd tells about its members, and what the log on a disk says it belongs to."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any

from nodeseed_node.https import https
from nodeseed_node.machine import Machine

KEY = "/nodeseed/members"


def disk_member(m: Machine) -> str | None:
    """Whose log is in etcd's data folder: a member ID, "" if it cannot be read, None without log.

    Like etcd (storage/wal/util.go, Exist) this looks for *.wal: a `new` that was refused leaves
    a member folder without any. Each log file begins with a record of its checksum and a record
    of the member and cluster IDs (storage/wal/wal.go, Create; walpb/record.proto): type 1,
    checksum, data { member ID, cluster ID }.
    """
    for log in m.path("var/lib/etcd/member/wal").glob("*.wal"):
        head = rb"\x08\x01\x10[\x80-\xff]*.\x1a.\x08([\x80-\xff]*.)\x10"
        found = re.search(head, log.read_bytes()[:128], re.S)
        return str(sum((b & 127) << 7 * i for i, b in enumerate(found[1]))) if found else ""
    return None


def client(peer_url: str) -> str:
    """A member's client URL."""
    return re.sub(r"\d+$", "2379", peer_url)


def gateway(m: Machine, url: str, path: str, body: Any, pair: str = "etcd/peer") -> Any:
    """Call etcd's JSON gateway on a client port.

    Raises:
        OSError: No answer, or etcd refused; the text is etcd's own.
    """
    status, text = https(m, f"{url}/v3/{path}", "etcd/", pair, body)
    answer = json.loads(text)
    if status != 200:
        raise OSError(answer.get("message", text))
    return answer


def member_list(m: Machine, url: str, *pair: str) -> Any:
    """Ask for the members; an answer means that a quorum stands behind it.

    Raises:
        OSError: There is no quorum, or this member has no part in it.
    """
    return gateway(m, url, "cluster/member/list", {"linearizable": True}, *pair)["members"]


def quorum(m: Machine, urls: Iterable[str], *pair: str) -> tuple[str, Any]:
    """Find a client URL behind which there is a quorum, and the member list.

    Raises:
        OSError: There is none.
    """
    for url in urls:
        try:
            return url, member_list(m, url, *pair)
        except OSError:
            continue
    raise OSError("waiting for a healthy etcd quorum")


def coded(text: str) -> str:
    """As the gateway wants keys and values."""
    return base64.b64encode(text.encode()).decode()


def recorded(m: Machine, url: str) -> int:
    """Read the revision of the member list that the cluster remembers; 0 if it has none."""
    rows = gateway(m, url, "kv/range", {"key": coded(KEY)}).get("kvs", [])
    return sum(int(base64.b64decode(row["value"])[:9]) for row in rows)


def record(m: Machine, url: str) -> bool:
    """Make the cluster remember our member list, unless it knows a newer one; give whether so.

    etcd compares values as text, so the revision has a fixed width.

    Raises:
        OSError: etcd did not take it.
    """
    etcd = m.config["etcd"]
    key, revision = coded(KEY), f"{etcd['membershipRevision']:09}"
    newer = {"key": key, "target": "VALUE", "result": "GREATER", "value": coded(f"{revision}~")}
    put = {"key": key, "value": coded(f"{revision} {json.dumps(etcd['members'])}")}
    body = {"compare": [newer], "failure": [{"request_put": put}]}
    return bool(gateway(m, url, "kv/txn", body).get("succeeded"))
