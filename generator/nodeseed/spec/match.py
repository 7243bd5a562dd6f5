"""How a machine is known before it knows its own name: what its firmware says of it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from nodeseed.spec.fields import Block, Form, Line, line, refusal


def mac_address(value: Any) -> str:
    """A MAC address of six bytes, as Linux writes it."""
    found = line(value).lower().replace("-", ":")
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", found):
        raise refusal(f"{value!r} is no MAC address", "write it such as 52:54:00:12:34:56")
    return found


def uuid_text(value: Any) -> str:
    """A UUID (RFC 9562), as Linux writes it."""
    found = line(value).lower()
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found):
        raise refusal(
            f"{value!r} is no UUID",
            "write it as /sys/class/dmi/id/product_uuid has it, "
            "such as 4c4c4544-0051-3910-8052-b4c04f4a3132",
        )
    return found


class Match(Block):
    """What tells a machine from all others; of what is written, everything must hold."""

    mac: Annotated[str, PlainValidator(mac_address), Form("MAC address")] | None = Field(
        default=None, description="MAC address of any of its network interfaces."
    )
    serial: Line | None = Field(
        default=None,
        description="Serial number, as /sys/class/dmi/id/product_serial has it "
        "(without DMI: /proc/device-tree/serial-number).",
    )
    uuid: Annotated[str, PlainValidator(uuid_text), Form("UUID")] | None = Field(
        default=None, description="UUID, as /sys/class/dmi/id/product_uuid has it."
    )

    def marks(self) -> dict[str, str]:
        """What is written of it."""
        return {name: value for name, value in self if value is not None}
