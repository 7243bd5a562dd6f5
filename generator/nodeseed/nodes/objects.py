"""Kubernetes objects for a node without kubectl: as JSON, one on a line, which Python can read.

A node's Python has no YAML that could be counted on. YAML is read here with the types that kubectl
gives to plain words: no dates, no numbers to the base of 60.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """YAML 1.1 as Kubernetes' own parser takes it (sigs.k8s.io/yaml)."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] not in ("timestamp", "int", "float")
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects in the text of a manifest; the items of a List one by one.

    Raises:
        ValueError: it is no YAML, or something in it is no object that could be applied.
    """
    try:
        documents = list(yaml.load_all(text, _Loader))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    for document in documents:
        if document is not None:
            yield from _objects(document)


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict):
        raise ValueError(f"{document!r} is no object")
    if document.get("kind") == "List":
        for item in document.get("items") or ():
            yield from _objects(item)
        return
    metadata = document.get("metadata")
    for name, there in (
        ("apiVersion", document.get("apiVersion")),
        ("kind", document.get("kind")),
        ("metadata.name", isinstance(metadata, dict) and metadata.get("name")),
    ):
        if not isinstance(there, str) or not there:
            raise ValueError(f"an object without {name}")
    yield document


def json_text(manifests: Iterable[str]) -> str:
    """Manifests as one JSON list, an object a line; it is YAML as well."""
    lines = (
        json.dumps(item, ensure_ascii=False, separators=(",", ":"))
        for text in manifests
        for item in objects(text)
    )
    return "[\n" + ",\n".join(lines) + "\n]\n"
