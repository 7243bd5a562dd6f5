"""Python's tokens as every release from 3.11 on gives them."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from token import STRING

Position = tuple[int, int]


@dataclass(frozen=True)
class Token:
    """A token: its type, its text and where it begins, as (line, column)."""

    type: int
    string: str
    start: Position


def tokens(source: str) -> Iterator[Token]:
    """Tokenize, with an f-string as one token, as it was before Python 3.12."""
    lines = source.splitlines(keepends=True)
    depth = 0
    begin: Position = (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":
            begin = begin if depth else token.start
            depth += 1
        elif kind == "FSTRING_END":
            depth -= 1
            if not depth:
                yield Token(STRING, _between(lines, begin, token.end), begin)
        elif not depth:
            yield Token(token.type, token.string, token.start)


def _between(lines: list[str], begin: Position, end: Position) -> str:
    (first, left), (last, right) = begin, end
    if first == last:
        return lines[first - 1][left:right]
    return lines[first - 1][left:] + "".join(lines[first : last - 1]) + lines[last - 1][:right]
