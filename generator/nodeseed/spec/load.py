"""From the bytes of a cluster file to a :class:`~nodeseed.spec.cluster.Cluster`.

Every problem of form is found in one go, each with the line on which it stands. What needs the
whole (addresses against subnets, names against each other) is :mod:`nodeseed.nodes.checks`.
"""

from __future__ import annotations

import copy
import difflib
import types
import typing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from nodeseed.errors import Problem, SpecError
from nodeseed.spec.cluster import Cluster
from nodeseed.spec.source import Number, Path, Source, parse

# What an operator may look for in vain, with the reason and what to write instead.
GONE: Final[dict[tuple[str | int, ...], tuple[str, str]]] = {
    ("apiServer", "basicAuth"): (
        "Kubernetes has no basic authentication since 1.19",
        "write apiServer.tokens, or give people certificates",
    ),
}

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Document:
    """A cluster file that has the right form, and where each part of it stands.

    Attributes:
        source: the parsed file, for the line numbers of later messages.
        cluster: what it says.
        problems: problems of form that did not stand in the way of reading the rest; whoever
            checks further reports them together with what it finds.
    """

    source: Source
    cluster: Cluster
    problems: tuple[Problem, ...] = ()


def load(text: bytes, file: str) -> Document:
    """Read a cluster file.

    Args:
        text: its bytes.
        file: its name as the user wrote it, for messages.

    Raises:
        SpecError: all problems of form, if they leave no cluster that could be checked further.
    """
    source = parse(text, file)
    if not isinstance(source.data, dict):
        raise SpecError(
            [source.problem((), "this is no cluster file", "start from `nodeseed new NAME`")]
        )
    cluster, problems = validated(Cluster, source, (), source.data)
    if cluster is None:
        raise SpecError(problems)
    return Document(source, cluster, tuple(problems))


def validated(
    model: type[Model], source: Source, at: Path, data: dict[str, Any]
) -> tuple[Model | None, list[Problem]]:
    """``data``, which stands at path ``at``, as a ``model``, with all its problems of form.

    Where only optional parts are wrong, the model comes back without them, so that the caller can
    go on and find further problems before anything is reported.
    """
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        problems = [_problem(model, source, at, detail) for detail in error.errors()]
        pruned = copy.deepcopy(data)
        for detail in error.errors():
            _prune(pruned, detail["loc"])
        try:
            return model.model_validate(pruned), problems
        except ValidationError:
            return None, problems


def _prune(data: Any, path: tuple[str | int, ...]) -> None:
    """Take the entry at ``path`` out, where that leaves no hole in a list."""
    if not path or isinstance(path[-1], int):
        return
    for step in path[:-1]:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(data, dict):
        data.pop(path[-1], None)


def _problem(model: type[BaseModel], source: Source, at: Path, detail: Any) -> Problem:
    path: Path = (*at, *(step for step in detail["loc"] if step != "[key]"))
    rule, cure = _sentence(model, detail)
    return source.problem(path, rule, cure)


def _sentence(model: type[BaseModel], detail: Any) -> tuple[str, str]:
    """Rule and cure for one of pydantic's findings."""
    context = detail.get("ctx", {})
    value = detail.get("input")
    shown = value.text if isinstance(value, Number) else repr(value)
    match detail["type"]:
        case "nodeseed":
            return context["rule"], context["cure"]
        case "extra_forbidden" if detail["loc"] in GONE:
            return GONE[detail["loc"]]
        case "extra_forbidden":
            known = _fields(model, detail["loc"][:-1])
            near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
            cure = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            return "unknown key", cure
        case "missing":
            return "is missing", "add it; docs/cluster-file.md says what it is for"
        case "literal_error":
            return f"{shown} is not known here", f"write {context['expected']}"
        case "string_pattern_mismatch":
            return f"{shown} does not have the right form", f"it must match {context['pattern']}"
        case "greater_than_equal":
            return f"{shown} is too small", f"write {context['ge']} or more"
        case "less_than_equal":
            return f"{shown} is too large", f"write {context['le']} or less"
        case "too_short":
            return "the list is empty", "name at least one"
        case "int_type":
            return f"{shown} is no whole number", "write a number without quotes"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"{_short(shown)} is no mapping", "write `key: value` pairs here"
        case "tuple_type" | "list_type":
            return f"{_short(shown)} is no list", "write a list here"
        case "string_type":
            return f"{_short(shown)} is no text", "write it in quotes"
        case _:
            return str(detail["msg"]), "see docs/cluster-file.md"


def _short(shown: str) -> str:
    return shown if len(shown) <= 40 else shown[:37] + "…"


def _fields(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The names that are known at ``path`` of ``model``."""
    for step in path:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside ``X``, ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found:
            return found
    return None
