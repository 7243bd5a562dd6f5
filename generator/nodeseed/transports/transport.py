"""What a transport is: where a node's payload lies, how it is asked for, and who may read it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nodeseed.platforms.platform import NoOptions
from nodeseed.spec.fields import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """One row of the table.

    Attributes:
        name: what the cluster file calls it.
        title: what people call it.
        options: the keys of the ``transport`` block beside its name.
        service: AWS's name of the service, in signatures, host names and boto3; empty: the
            user-data is all there is, and nothing is fetched.
        root: how names begin, before the operator's prefix.
        part_bytes: the most that one object, secret or parameter holds, as bytes of the payload.
        parts: the most of them for one payload.
        headers: that a request needs beside the signature's.
        request: what is asked for a part, by its name: the JSON of a POST, or None for a GET.
        answer: where in the answer's JSON the part stands in base64; empty: the answer is the part.
        arn: of everything below a name; ``{bucket}``, ``{region}`` and ``{name}`` are filled in.
        read: the IAM action with which a node reads its parts.
        delete: the IAM action with which a node removes its parts.
        delete_headers: what is another header than for reading.
        delete_request: what is asked then; None for a DELETE.
        publish: the IAM actions with which the operator reads, writes and removes parts.
        listing: the IAM action with which the operator finds out what is there.
        context: the key of KMS's encryption context that holds the part's ARN.
        source: where the limits come from.
    """

    name: str
    title: str
    options: type[Block] = NoOptions
    service: str = ""
    root: str = ""
    part_bytes: int = 0
    parts: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    request: Callable[[str], dict[str, Any] | None] = lambda name: None
    answer: tuple[str, ...] = ()
    arn: str = ""
    read: str = ""
    delete: str = ""
    delete_headers: Mapping[str, str] = field(default_factory=dict)
    delete_request: Callable[[str], dict[str, Any] | None] = lambda name: None
    publish: tuple[str, ...] = ()
    listing: str = ""
    context: str = ""
    source: str = ""

    @property
    def remote(self) -> bool:
        """Whether a node fetches its payload instead of finding it in its user-data."""
        return bool(self.service)

    def split(self, payload: bytes) -> list[bytes]:
        """The payload cut into what one object, secret or parameter holds."""
        size = self.part_bytes
        return [payload[start : start + size] for start in range(0, len(payload), size)]


def text_form(part: bytes) -> str:
    """A part where only text is taken."""
    return base64.b64encode(part).decode()


def from_text(text: str) -> bytes:
    """A part again, from its text form."""
    return base64.b64decode(text)
