"""The care of one etcd member, from a timer: alarms, and the space that deleted data left behind.

etcd never gives space back by itself, and at its quota it takes no more writes until somebody
compacts, defragments and disarms the alarm (etcd.io, Maintenance). Defragmenting stops a member
for a while: one at a time, all others healthy, and not for little. The exception is a full etcd,
which has nothing to lose: no writes go through, so no lock can be had either, and the members go
one after the other as their timers do.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from nodeseed_node.https import tls
from nodeseed_node.machine import Machine
from nodeseed_node.member import client, coded, member_list

LAST = "var/lib/nodeseed/defragmented"
HOUR = 3600


def maintenance(m: Machine) -> int:
    """Look after our own member once; what cannot be done now is said and left to the next time."""
    try:
        m.say(_care(m))
    except OSError as error:
        m.say(f"not now: {error}")
    return 0


def call(m: Machine, url: str, path: str, body: Any = None, seconds: float = 9) -> Any:
    """Call etcd's JSON gateway, whose empty requests and long answers `gateway` does not know.

    Raises:
        OSError: No answer, or etcd refused; the text is etcd's own.
    """
    connection = HTTPSConnection(
        urlsplit(url).netloc, timeout=seconds, context=tls(m, "etcd/", "etcd/peer")
    )
    try:
        connection.request("POST", f"/v3/{path}", json.dumps(body or {}))
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (HTTPException, ValueError) as error:
        raise OSError(repr(error)) from error
    finally:
        connection.close()
    if response.status != 200:
        raise OSError(answer.get("message", answer))
    return answer


def _care(m: Machine) -> str:
    etcd = m.config["etcd"]
    care = etcd["maintenance"]
    own = client(etcd["members"][m.config["node"]])
    rows = member_list(m, own)
    alarms = call(m, own, "maintenance/alarm", {"action": "GET"}).get("alarms", [])
    if alarms:
        return _alarmed(m, own, rows, alarms)
    status = call(m, own, "maintenance/status")
    gain = int(status["dbSize"]) - int(status["dbSizeInUse"])
    if gain < care["gain"] or _since(m) < care["interval"]:
        return "in order"
    well = [row for row in _statuses(m, rows).values() if row.get("leader", "0") != "0"]
    if len(well) < len(rows):
        return f"not now: {len(well)} of {len(rows)} members are healthy"
    return _alone(m, own, rows, status)


def _alarmed(m: Machine, own: str, rows: Any, alarms: Any) -> str:
    """Make room in a full etcd, and disarm the alarm once no member is near its quota."""
    names = {row["ID"]: row.get("name", row["ID"]) for row in rows}
    for alarm in alarms:
        if alarm["alarm"] == "CORRUPT":
            name = names.get(alarm["memberID"])
            return f"{name} has corrupt data (CORRUPT), etcd takes no writes: replace {name}"
    quota = m.config["etcd"]["maintenance"]["quota"]
    enough = quota * 9 // 10
    revision = call(m, own, "maintenance/status")["header"]["revision"]
    with suppress(OSError):  # it was compacted before
        call(m, own, "kv/compaction", {"revision": revision, "physical": True})
    status = call(m, own, "maintenance/status")
    size, used = int(status["dbSize"]), int(status["dbSizeInUse"])
    full = "etcd is full (NOSPACE) and takes no writes: "
    # what is in use becomes known with a later write, which may not come: try now and then
    if size > enough and (used <= enough or _since(m) > HOUR):
        m.say(f"{full}defragmenting")
        size = _defragment(m, own, used)
    if size > enough:
        return f"{full}{_mib(size)} of {_mib(quota)} in use: delete objects, or raise etcd.quota"
    sizes = {number: int(row["dbSize"]) for number, row in _statuses(m, rows).items()}
    large = [names[number] for number, size in sizes.items() if size > enough]
    if large:
        return f"{full}defragmented here, next {', '.join(large)}"
    for alarm in alarms:
        call(m, own, "maintenance/alarm", {**alarm, "action": "DEACTIVATE"})
    return "etcd was full (NOSPACE) and takes writes again"


def _alone(m: Machine, own: str, rows: Any, status: Any) -> str:
    """Defragment while no other member does, and while we do not lead."""
    lease = call(m, own, "lease/grant", {"TTL": HOUR})["ID"]
    try:
        key = coded("/nodeseed/defragments")
        free = {"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": 0}
        put = {"key": key, "value": coded(m.config["node"]), "lease": lease}
        body = {"compare": [free], "success": [{"request_put": put}]}
        if not call(m, own, "kv/txn", body).get("succeeded"):
            return "not now: another member defragments"
        me = status["header"]["member_id"]
        others = [row["ID"] for row in rows if row["ID"] != me and not row.get("isLearner")]
        if status["leader"] == me and others:
            call(m, own, "maintenance/transfer-leadership", {"targetID": others[0]})
        after = _defragment(m, own, int(status["dbSizeInUse"]))
        return f"defragmented: {_mib(int(status['dbSize']))} became {_mib(after)}"
    finally:
        call(m, own, "lease/revoke", {"ID": lease})


def _defragment(m: Machine, own: str, used: int) -> int:
    """Defragment our own member; give the new size in bytes.

    Raises:
        OSError: etcd refused, or the disk has no room for the copy that it makes.
    """
    free = shutil.disk_usage(m.path("var/lib/etcd")).free
    if free < used:
        raise OSError(f"to defragment takes {_mib(used)}, /var/lib/etcd has {_mib(free)} free")
    call(m, own, "maintenance/defragment", {}, HOUR)
    m.write(LAST, str(int(m.now())))
    return int(call(m, own, "maintenance/status")["dbSize"])


def _statuses(m: Machine, rows: Any) -> dict[str, Any]:
    """What each member that answers says of itself, by its ID."""
    found = {}
    for row in rows:
        try:
            found[row["ID"]] = call(m, row["clientURLs"][0], "maintenance/status")
        except (OSError, KeyError):
            continue
    return found


def _since(m: Machine) -> float:
    """How many seconds ago our member was defragmented."""
    return m.now() - float(m.text(LAST) or 0)


def _mib(size: int) -> str:
    return f"{size >> 20} MiB"
