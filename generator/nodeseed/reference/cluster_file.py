"""docs/cluster-file.md: every field of the cluster file with its form, default and meaning."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from nodeseed.endpoints import ENDPOINTS
from nodeseed.markdown import page, table
from nodeseed.platforms import PLATFORMS
from nodeseed.spec.cluster import Cluster, ProviderBlock
from nodeseed.spec.fields import Form
from nodeseed.spec.versions import KUBERNETES
from nodeseed.transports import TRANSPORTS

_NO_DEFAULT: Final = object()


def text() -> str:
    """The page."""
    releases = list(KUBERNETES)
    top, sections = [], []
    for name, field in Cluster.model_fields.items():
        model = _model(field.annotation)
        if model is None:
            top.append(_row(name, field, _NO_DEFAULT))
            continue
        top.append(
            (f"[`{name}`](#{name.lower()})", _form(field), _default(field), field.description or "")
        )
        rows = list(_rows(_inside(name, field), model, _given(field)))
        sections += [f"## {name}", (model.__doc__ or "").strip(), _fields(rows)]
        if issubclass(model, ProviderBlock):
            sections += list(_providers(name))
    return page(
        "The cluster file",
        f"Format `nodeseed.dev/v1alpha1`, strict YAML: nodeseed refuses an unknown key, a key that "
        f"stands twice and a number where text is meant. It renders Kubernetes {releases[0]} to "
        f"{releases[-1]}. `nodeseed new NAME` writes a file to start from; clusters/ holds "
        "examples.",
        "A field is required unless it has a default. `[]` in a path stands for each entry of a "
        "list.",
        _fields(top),
        *sections,
    )


def _fields(rows: Iterable[Iterable[str]]) -> str:
    return table(("Field", "Value", "Default", "Meaning"), rows)


def _providers(name: str) -> Iterator[str]:
    """The keys that platforms, load balancers and transports bring along, those alike together."""
    tables: dict[str, Mapping[str, Any]] = {
        "platform": PLATFORMS,
        "endpoint": ENDPOINTS,
        "transport": TRANSPORTS,
    }
    keys_of: dict[str, type[BaseModel]] = {row.name: row.options for row in tables[name].values()}
    alike: dict[type[BaseModel], list[str]] = {}
    for provider, options in keys_of.items():
        alike.setdefault(options, []).append(provider)
    for options, providers in alike.items():
        whose = ", ".join(f"`{provider}`" for provider in providers)
        if options.model_fields:
            yield f"### {name} of {whose}"
            yield _fields(_rows(name, options, None))
        else:
            yield f"No keys of their own: {whose}."


def _rows(path: str, model: type[BaseModel], given: Any) -> Iterator[tuple[str, str, str, str]]:
    """A row for each field of ``model``, nested ones at their paths.

    Args:
        path: where the model stands.
        model: the block.
        given: its value where the operator writes nothing, as its parent says; None: none.
    """
    for name, field in model.model_fields.items():
        value = getattr(given, name) if given is not None else _NO_DEFAULT
        inner = _model(field.annotation)
        yield _row(f"{path}.{name}", field, value)
        if inner is not None:
            within = value if isinstance(value, BaseModel) else _given(field)
            yield from _rows(_inside(f"{path}.{name}", field), inner, within)


def _row(path: str, field: FieldInfo, value: Any) -> tuple[str, str, str, str]:
    default = _default(field) if value is _NO_DEFAULT else _shown(value)
    return f"`{path}`", _form(field), default, field.description or ""


def _inside(path: str, field: FieldInfo) -> str:
    """The path of what is in a field: ``nodes[]`` for a list."""
    return f"{path}[]" if typing.get_origin(field.annotation) is tuple else path


def _given(field: FieldInfo) -> BaseModel | None:
    value = field.get_default(call_default_factory=True)
    return value if isinstance(value, BaseModel) else None


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return "required" if value is PydanticUndefined else _shown(value)


def _shown(value: Any) -> str:
    """A default as the operator would write it; empty where that is nothing."""
    if value is None or isinstance(value, BaseModel) or value in ((), {}, ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        hours, rest = divmod(value, timedelta(hours=1))
        return f"`{hours}h`" if not rest else f"`{value // timedelta(seconds=1)}s`"
    if isinstance(value, tuple):
        return ", ".join(_shown(entry) for entry in value)
    return f"`{value}`"


def _form(field: FieldInfo) -> str:
    return _form_of(field.annotation, field.metadata)


def _form_of(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What may be written, in words; the innermost type that says so wins."""
    metadata = list(metadata)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    for entry in metadata:
        if isinstance(entry, Form):
            return entry.text
    if origin is typing.Annotated:
        return _form_of(arguments[0], arguments[1:])
    if origin is Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if origin in (types.UnionType, typing.Union):
        return ", ".join(_form_of(one) for one in arguments if one is not types.NoneType)
    if origin is tuple:
        least = any(isinstance(entry, annotated_types.MinLen) for entry in metadata)
        return f"list{', not empty' if least else ''}: {_form_of(arguments[0])}"
    if origin is dict:
        return f"mapping: {_form_of(arguments[0])} → {_form_of(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "block"
    if annotation is bool:
        return "`true`, `false`"
    if annotation is int:
        return _range(metadata)
    pattern = next((entry.pattern for entry in metadata if hasattr(entry, "pattern")), None)
    return f"text of the form `{pattern}`" if pattern else "text"


def _range(metadata: Iterable[Any]) -> str:
    flat = [
        part
        for entry in metadata
        for part in (entry.metadata if isinstance(entry, FieldInfo) else [entry])
    ]
    low = next((part.ge for part in flat if isinstance(part, annotated_types.Ge)), None)
    high = next((part.le for part in flat if isinstance(part, annotated_types.Le)), None)
    return "whole number" + (f", {low} to {high}" if high is not None else "")


def _model(annotation: Any) -> type[BaseModel] | None:
    """The block inside ``X``, ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_model(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model), None)
