"""What was fetched is deleted from the store, once it is installed: nobody can fetch it again."""

from __future__ import annotations

from http.client import HTTPException

from nodeseed_node.fetch import STUB, credentials, part, patiently
from nodeseed_node.install import RECORD
from nodeseed_node.machine import Machine

DELETED = "var/lib/nodeseed/deleted"


def delete_payload(m: Machine) -> int:
    """Delete this node's own parts; tries for ever, and is done when none is there."""
    stub = m.load(STUB)
    how = stub["delete"]

    def missing() -> str:
        if m.load(RECORD)["revision"] < stub["revision"]:
            return f"revision {stub['revision']} is not installed"
        try:
            role = credentials()
            if isinstance(role, str):
                return role
            for wanted in how["requests"]:
                _, said = part(m, {**stub, **how, "answer": []}, role, wanted, "DELETE")
                if said and not said.startswith("not there"):
                    return said
        except (OSError, HTTPException, ValueError) as error:
            return repr(error)
        return ""

    if m.text(DELETED) != stub["sha256"]:
        patiently(m, "its payload stays in the store: ", missing)
        m.write(DELETED, stub["sha256"])
    m.say("its payload is deleted from the store")
    return 0
