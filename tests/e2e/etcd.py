"""etcd as it is asked on its members' machines, with the identity of their health checks."""

from __future__ import annotations

import base64
import json
from typing import Any

from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine

PKI = "/etc/kubernetes/pki/etcd"
KEPT = "/registry/configmaps/default/kept"


def gateway(machine: LabMachine, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the etcd of a machine."""
    identity = ("--cert", f"{PKI}/healthcheck-client.crt", "--key", f"{PKI}/healthcheck-client.key")
    answer = machine.run(
        *("curl", "-sSf", "--cacert", f"{PKI}/ca.crt", *identity, "-d", json.dumps(body)),
        f"https://127.0.0.1:2379/v3/{path}",
    )
    found: dict[str, Any] = json.loads(answer)
    return found


def members(lab: Lab, via: str = "cp-1") -> dict[str, str]:
    """IDs of the voting members that have started, by name."""
    rows = gateway(lab.machines[via], "cluster/member/list", {"linearizable": True})["members"]
    return {row["name"]: row["ID"] for row in rows if row.get("name") and not row.get("isLearner")}


def has_the_data(machine: LabMachine) -> bool:
    """Whether a member itself, without asking the others, has what was written before."""
    key = base64.b64encode(KEPT.encode()).decode()
    rows = gateway(machine, "kv/range", {"key": key, "serializable": True, "keys_only": True})
    return rows.get("count") == "1"
