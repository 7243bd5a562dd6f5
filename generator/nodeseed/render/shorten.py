"""Shorter names for what is the program's own, since names are what packs worst.

A name gets the same new name wherever it stands, in every scope, so that no scopes need to be
worked out. That is right as long as the name means nothing outside: as attribute, as keyword of a
call, as builtin, in an import or in the body of a class.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import keyword
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping
from token import NAME, STRING

from nodeseed.render.tokens import tokens

_FIELD = re.compile(r"\{\{|\{(?:[^{}]|\{[^{}]*\})*\}")
_STRING_OR_WORD = re.compile(r"'[^']*'|\"[^\"]*\"|![rsa]|\w+")


def shortened(source: str) -> str:
    """Rename all that may be renamed, the most frequent first.

    Args:
        source: Python whose f-strings lie on one line and hold no other f-strings.

    Raises:
        ValueError: the text cannot be changed so that only the names are others, or a call gives
            arguments by names that stand elsewhere.
    """
    tree = ast.parse(source)
    found = re.findall(r"\w+", source)
    own = _bound(tree) - _public(tree)
    ranked = sorted(Counter(word for word in found if word in own).items(), key=_rank)
    names = dict(zip((word for word, _ in ranked), _free(set(found)), strict=False))
    lines = source.splitlines(keepends=True)
    for token in reversed(list(tokens(source))):
        if token.type == NAME or (token.type == STRING and token.string[0] == "f"):
            line, column = token.start[0] - 1, token.start[1]
            rest = lines[line][column + len(token.string) :]
            lines[line] = lines[line][:column] + _renamed(token.string, names) + rest
    text = "".join(lines)
    if ast.dump(_Renaming(names).visit(tree)) != ast.dump(ast.parse(text)):
        raise ValueError("a name stands where it cannot be replaced, such as in a nested f-string")
    return text


class _Renaming(ast.NodeTransformer):
    """The same on the syntax tree, to compare with."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("id", "arg", "name"):
            if isinstance(name := getattr(node, field, None), str):
                setattr(node, field, self.names.get(name, name))
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self.names.get(name, name) for name in node.names]
        return super().generic_visit(node)


def _rank(row: tuple[str, int]) -> tuple[int, str]:
    return -row[1], row[0]


def _bound(tree: ast.Module) -> set[str]:
    """What functions, parameters and assignments name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


def _public(tree: ast.Module) -> set[str]:
    """What means something outside."""
    found = {*dir(builtins), *keyword.kwlist}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.keyword):
            if node.arg is None:
                raise ValueError("a call with **: the names that it gives are not to be seen")
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.update(node.name.split("."))
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(node.module.split("."))
        elif isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.FunctionDef):
                    found.add(statement.name)
                elif isinstance(statement, ast.Assign):
                    found |= {name.id for name in statement.targets if isinstance(name, ast.Name)}
    return found


def _free(taken: set[str]) -> Iterator[str]:
    """Names that stand nowhere yet, shortest first."""
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_letters, repeat=length):
            name = "".join(letters)
            if name not in taken and not keyword.iskeyword(name):
                yield name


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """A name, or an f-string in whose fields names stand."""

    def word(match: re.Match[str]) -> str:
        return names.get(match[0], match[0])

    def field(match: re.Match[str]) -> str:
        return _STRING_OR_WORD.sub(word, match[0])

    return names.get(text, text) if text.isidentifier() else _FIELD.sub(field, text)
