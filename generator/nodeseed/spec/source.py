"""Reads YAML strictly and remembers where everything stood.

YAML 1.1 as PyYAML reads it has surprises that cost nights: ``1.30`` is the number 1.3, ``0600`` is
384, ``22:22`` is 1342, ``no`` is false, and a second key of the same name silently wins. This
loader works on libyaml's events and gives plain scalars only the meanings of YAML 1.2's core schema
(https://yaml.org/spec/1.2.2/#103-core-schema); anything ambiguous stays text and the model then
says what it wanted. It does not recurse, so no nesting, however deep, can crash it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from nodeseed.errors import Problem, SpecError

Path = tuple[str | int, ...]

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 32
# Two private-use characters that nodeseed keeps for itself (nodeseed.pki.references).
RESERVED = "\ue000\ue001"

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class Number(float):
    """A plain scalar with a decimal point; ``text`` is what the user really typed."""

    text: str

    def __new__(cls, text: str) -> Number:
        """The number that ``text`` means."""
        number = super().__new__(cls, text)
        number.text = text
        return number


@dataclass(slots=True)
class Source:
    """A parsed document and, for each path in it, the line on which it stands."""

    file: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int | None:
        """The line of ``path``, or of the nearest thing around it that does exist."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def value(self, path: Path) -> Any:
        """What the user wrote at ``path``; None where there is nothing."""
        value = self.data
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def problem(self, path: Path, rule: str, cure: str = "") -> Problem:
        """A problem at ``path``, with file and line filled in."""
        return Problem(rule, cure, path=path_text(path), line=self.line(path), file=self.file)


def path_text(path: Path) -> str:
    """``("nodes", 2, "address")`` as ``nodes[2].address``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def parse(text: bytes, file: str) -> Source:
    """Parse one YAML document.

    Args:
        text: the bytes of the file, UTF-8.
        file: its name as the user wrote it, for messages.

    Raises:
        SpecError: with every problem of form: syntax, duplicate keys, aliases, tags, size.
    """
    source = Source(file)
    if len(text) > MAX_BYTES:
        raise SpecError(
            [Problem(f"the file has {len(text)} bytes", f"keep it under {MAX_BYTES}", file=file)]
        )
    try:
        problems = _build(source, text.decode())
    except UnicodeDecodeError as error:
        raise SpecError([Problem("the file is not UTF-8 text", str(error), file=file)]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise SpecError(
            [
                Problem(
                    f"not valid YAML: {error.problem or error.context}",
                    "mend the syntax (indentation, quotes, brackets) near this line",
                    line=line,
                    file=file,
                )
            ]
        ) from None
    except yaml.YAMLError as error:
        said = str(error).splitlines()[0]
        raise SpecError([Problem(f"not valid YAML: {said}", "", file=file)]) from None
    if problems:
        raise SpecError(problems)
    return source


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is still open while events arrive."""

    value: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None


def _build(source: Source, text: str) -> list[Problem]:
    problems: list[Problem] = []
    stack: list[_Frame] = []
    documents = 0

    def refuse(event: Any, path: Path, rule: str, cure: str) -> None:
        line = event.start_mark.line + 1
        problems.append(Problem(rule, cure, path=path_text(path), line=line, file=source.file))

    def place(event: Any, value: Any) -> Path:
        """Put ``value`` into the innermost open collection and return its path."""
        line = event.start_mark.line + 1
        if not stack:
            source.data = value
            source.lines[()] = line
            return ()
        frame = stack[-1]
        if isinstance(frame.value, list):
            path = (*frame.path, len(frame.value))
            frame.value.append(value)
        elif frame.key is None:
            # A key: only text can be one; it is remembered until its value comes.
            path = frame.path
            if not isinstance(value, str):
                refuse(event, path, f"the key {_typed(event)} is no text", "use a quoted name")
                value = str(_typed(event))
            if value in frame.value:
                refuse(event, (*path, value), "this key is already there", "keep one of the two")
            frame.key = value
            source.lines.setdefault((*path, value), line)
            return path
        else:
            path = (*frame.path, frame.key)
            frame.value[frame.key] = value
            frame.key = None
        source.lines.setdefault(path, line)
        return path

    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        match event:
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    refuse(event, (), "a second document", "one file describes one cluster")
                    break
            case yaml.AliasEvent():
                refuse(event, _here(stack), "YAML aliases are not read", "write the value out")
                place(event, "")
            case yaml.ScalarEvent():
                if event.tag not in (None, "!"):
                    refuse(event, _here(stack), f"YAML tag {event.tag}", "leave the tag away")
                if any(character in event.value for character in RESERVED):
                    refuse(event, _here(stack), "a reserved character (U+E000)", "take it out")
                place(event, _scalar(event))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                mapping = isinstance(event, yaml.MappingStartEvent)
                value: dict[str, Any] | list[Any] = {} if mapping else []
                if len(stack) >= MAX_DEPTH:
                    refuse(event, _here(stack), "nested too deep", "no cluster file needs that")
                    break
                if stack and isinstance(stack[-1].value, dict) and stack[-1].key is None:
                    refuse(event, _here(stack), "a key that is no text", "use a plain name")
                    break
                path = place(event, value)
                stack.append(_Frame(value, path))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                stack.pop()
    return problems


def _here(stack: list[_Frame]) -> Path:
    if not stack:
        return ()
    frame = stack[-1]
    if isinstance(frame.value, list):
        return (*frame.path, len(frame.value))
    return frame.path if frame.key is None else (*frame.path, frame.key)


def _typed(event: Any) -> str:
    return str(getattr(event, "value", ""))


def _scalar(event: Any) -> Any:
    """A scalar by YAML 1.2's core schema; quoted scalars are always text."""
    text: str = event.value
    if event.style or event.tag == "!":  # quoted or block
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    # 0600 has a leading zero: text, so that a mode stays what was typed.
    if _FLOAT.fullmatch(text) and not re.fullmatch(r"[-+]?0[0-9]+", text):
        return Number(text)
    return text
