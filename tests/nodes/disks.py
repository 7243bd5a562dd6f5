"""Ways to give the machines of the valid cluster file disks."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import Change

SIZE = {"disk": {"size": "20Gi"}}
TWO = [{"path": "/dev/vdb"}, {"path": "/dev/vdc"}]


def storage(**fields: Any) -> Change:
    text = json.dumps(fields)  # no object twice: YAML would make aliases of it
    return lambda spec: spec.update(storage=json.loads(text))


def ids(*nodes: str) -> dict[str, Any]:
    return {"disk": {"ids": {node: f"wwn-{node}" for node in nodes}}}
