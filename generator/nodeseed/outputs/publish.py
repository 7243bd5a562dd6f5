"""``nodeseed publish``: payloads into their store, each name once, safe to run again at any point.

The name of a part holds the payload's digest, so a run that broke off leaves nothing that another
revision could mistake for its own: a stub names a payload that is there whole or not yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodeseed.errors import OutputError, PublishError
from nodeseed.outputs.publication import PAYLOAD
from nodeseed.outputs.stores import Store
from nodeseed.transports import TRANSPORTS

# What AWS's error codes ask for; the first that fits.
_CURES: tuple[tuple[str, str], ...] = (
    ("AccessDenied", "give yourself publish-iam-policy.json (and the KMS key, if there is one)"),
    ("NoSuchBucket", "make the bucket, or write the right one as transport.bucket"),
    ("Expired", "your AWS session has expired: log in again"),
    ("InvalidAccessKeyId", "AWS does not know your access key: log in again"),
    ("UnrecognizedClient", "AWS does not know your access key: log in again"),
    ("InvalidClientToken", "AWS does not know your access key: log in again"),
    ("Redirect", "the bucket is in another region: write it as transport.region"),
    ("AuthorizationHeaderMalformed", "the bucket is in another region: write transport.region"),
    ("IllegalLocation", "the bucket is in another region: write it as transport.region"),
    ("Skewed", "your clock is wrong: set it"),
    ("SignatureDoesNotMatch", "your secret access key is wrong: log in again"),
    ("InvalidSignature", "your clock or your secret access key is wrong"),
    ("Throttl", "AWS asks for patience: wait a minute"),
    ("SlowDown", "AWS asks for patience: wait a minute"),
    ("TooMany", "AWS asks for patience: wait a minute"),
    ("LimitExceeded", "the account's quota is used up: raise it, or publish --prune"),
    ("InvalidRequest", "a secret of this name waits for its deletion: restore it in AWS"),
    ("KMS", "the key of transport.kmsKey is disabled or not yours"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The flags of ``nodeseed publish``."""

    dry_run: bool = False
    verify: bool = False
    prune: bool = False
    nodes: tuple[str, ...] = ()  # none: all of them


@dataclass(slots=True)
class Published:
    """What a run did, or would do; numbers of parts.

    Attributes:
        total: that the cluster has.
        uploaded: names that were not there.
        verified: that were read back and compared.
        stale: names that nothing of this render needs.
        bytes: of all payloads.
    """

    total: int
    uploaded: list[str]
    verified: int
    stale: list[str]
    bytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one node's payload."""

    name: str
    content: bytes


def parts_of(index: dict[str, Any], folder: Path, nodes: tuple[str, ...] = ()) -> list[Part]:
    """All parts of the payloads of an output folder, each compared with its digest.

    Raises:
        OutputError: a payload is missing or is not what publish.json says, or there is no such
            node.
    """
    transport = TRANSPORTS[index["transport"]["name"]]
    found = []
    for node in nodes or index["nodes"]:
        if node not in index["nodes"]:
            raise OutputError(f"there is no node {node}; the nodes are {', '.join(index['nodes'])}")
        entry = index["nodes"][node]
        path = folder / node / PAYLOAD
        try:
            payload = path.read_bytes()
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be read: {error.strerror}; render once more, then publish"
            ) from None
        if hashlib.sha256(payload).hexdigest() != entry["sha256"]:
            raise OutputError(f"{path}: was changed; render once more, then publish")
        found += [
            Part(name, content)
            for name, content in zip(entry["names"], transport.split(payload), strict=True)
        ]
    return found


def publish(
    index: dict[str, Any],
    folder: Path,
    store: Store,
    wishes: Wishes,
    progress: Callable[[int, int], None] = lambda done, all_of_them: None,
) -> Published:
    """Upload what is not there yet; on request compare all of it, and remove what is stale.

    Raises:
        OutputError: the output folder is not whole.
        PublishError: the store said no, or holds something else under one of our names.
    """
    parts = parts_of(index, folder, wishes.nodes)
    wanted = {name for node in index["nodes"].values() for name in node["names"]}
    with _said_plainly():
        there = set(store.names(index["prefix"]))
        missing = [part for part in parts if part.name not in there]
        report = Published(
            total=len(parts),
            uploaded=[part.name for part in missing],
            verified=0,
            stale=sorted(there - wanted),
            bytes=sum(len(part.content) for part in parts),
        )
        if wishes.dry_run:
            return report
        compared = parts if wishes.verify else []
        steps = len(missing) + len(compared)
        for done, _ in enumerate(_each(store, missing, _create), 1):
            progress(done, steps)
        for report.verified, _ in enumerate(_each(store, compared, _compare), 1):
            progress(len(missing) + report.verified, steps)
        if wishes.prune:  # last: whatever broke off before has removed nothing
            for name in report.stale:
                store.remove(name)
    return report


def _each(store: Store, parts: list[Part], act: Callable[[Store, Part], None]) -> Iterator[None]:
    with ThreadPoolExecutor(store.workers) as pool:
        try:
            yield from pool.map(lambda part: act(store, part), parts)
        finally:
            pool.shutdown(cancel_futures=True)


def _create(store: Store, part: Part) -> None:
    if not store.create(part.name, part.content):
        _compare(store, part)  # somebody else published at the same time


def _compare(store: Store, part: Part) -> None:
    try:
        found = store.read(part.name)
    except KeyError:
        raise PublishError(f"{part.name}: was there and is gone; run publish again") from None
    if found != part.content:
        raise PublishError(
            f"{part.name}: is not what was rendered: somebody else wrote it, and no node will take "
            "it. Find out who, remove it, then publish again"
        )


@contextmanager
def _said_plainly() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - takes long

    again = "What was uploaded stays; run the same command again"
    try:
        yield
    except ClientError as error:
        code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        cure = next((text for sign, text in _CURES if sign in code), "see what AWS says")
        raise PublishError(
            f"AWS says {code} to {error.operation_name} ({said}): {cure}. {again}"
        ) from None
    except BotoCoreError as error:
        raise PublishError(f"{error}: check network, region and AWS credentials. {again}") from None
