"""What cloud-init knows of the instance, the same on every platform."""

from __future__ import annotations

from typing import Any

from nodeseed_node.machine import Machine


def instance_data(m: Machine) -> Any:
    """The instance's ``instance_id``, ``availability_zone`` and so on; empty without cloud-init."""
    return m.load("run/cloud-init/instance-data.json").get("v1", {})


def whole_id(m: Machine, form: str) -> str:
    """The provider ID in the form that the platform has; half of one would be kept for ever."""
    known = instance_data(m)
    for word, name in (("INSTANCE-ID", "instance_id"), ("ZONE", "availability_zone")):
        if word in form:
            if not known.get(name):
                raise ValueError(f"cloud-init knows no {name}")
            form = form.replace(word, known[name])
    return form
