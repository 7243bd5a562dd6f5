"""The real files under cloud-init/, as Jinja templates at their on-node paths.

Each folder there is a set; a node gets whole sets. Adding a file to nodes is dropping it there.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, meta

from nodeseed.render.encode import yaml_text

_ROOMS = ("spec", "pki", "platforms", "endpoints", "transports", "nodes", "render", "outputs")
_PACKAGE = Path(__file__).resolve().parent.parent


@cache
def root() -> Path:
    """The cloud-init folder: inside an installed package, or beside a checkout's generator/."""
    installed = _PACKAGE / "cloud-init"
    return installed if installed.is_dir() else _PACKAGE.parent.parent / "cloud-init"


@cache
def environment() -> Environment:
    """Jinja that refuses unknown names and leaves block lines no trace."""
    jinja = Environment(
        loader=FileSystemLoader(root()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML and unit files, not HTML; values go through tojson
    )
    jinja.filters["yaml"] = yaml_text  # for what the operator wrote, however deep
    jinja.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # references stay references
    return jinja


@cache
def file_set(name: str) -> tuple[str, ...]:
    """On-node paths of a set's files, in order."""
    folder = root() / name
    return tuple(
        "/" + path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )


@cache
def _template(name: str) -> Any:
    return environment().get_template(name)


@cache
def _constant(name: str) -> str | None:
    """A template's text where it is the same for every node; None where it uses any value."""
    jinja = environment()
    source, _, _ = jinja.loader.get_source(jinja, name)  # type: ignore[union-attr]
    parsed = jinja.parse(source)
    if meta.find_undeclared_variables(parsed) or list(meta.find_referenced_templates(parsed)):
        return None
    return _ended(_template(name).render())


def _ended(text: str) -> str:
    return text.rstrip("\n") + "\n"


def render_file(set_name: str, path: str, context: dict[str, Any]) -> str:
    """One file of a set for one node; always ends with a newline."""
    name = f"{set_name}{path}"
    return _constant(name) or _ended(_template(name).render(context))


@cache
def fingerprint() -> str:
    """32 hexadecimal digits over everything that decides user-data's bytes but spec and lock.

    That is the templates, the on-node program, the source of every room on the way from spec to
    bytes, and the releases of the libraries that shape text: equal fingerprints, equal bytes.
    """
    hashed = hashlib.sha256()
    for folder in (root(), *(_PACKAGE / room for room in _ROOMS)):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                relative = f"{folder.name}/{path.relative_to(folder).as_posix()}"
                hashed.update(f"{relative}\0".encode() + path.read_bytes() + b"\0")
    for library in ("deflate", "jinja2", "pyyaml"):
        hashed.update(f"{library} {metadata.version(library)}\0".encode())
    return hashed.hexdigest()[:32]
