"""The program that nodes run, cut to the steps that a node needs and stripped for shipping.

It is written as ordinary modules in ``cloud-init/program/nodeseed_node``; a step's module and its
function are named after it. Here the modules that the steps need become one file: imports among
them go, the standard library's are merged, comments, docstrings and annotations are dropped. All
of it works on positions of tokens. ``ast.unparse`` would be shorter, but its output changes from
one Python release to the next, and every change of these bytes is a change of every user-data.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from token import COMMENT, DEDENT, ENDMARKER, INDENT, NEWLINE, NL

from nodeseed.render.shorten import shortened
from nodeseed.render.templates import root
from nodeseed.render.tokens import Position, tokens

PACKAGE = "nodeseed_node"

_CALL = re.compile(r"/usr/local/lib/nodeseed/node\.py ([a-z-]+)")


def steps(files: Iterable[str]) -> frozenset[str]:
    """The steps that a node's files call, units first of all; given their contents."""
    return frozenset(step for text in files for step in _CALL.findall(text))


@cache
def modules() -> dict[str, str]:
    """The modules' sources, by name."""
    folder = root() / "program" / PACKAGE
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("[a-z]*.py"))}


@cache
def program(wanted: frozenset[str]) -> str:
    """The file for a node that runs these steps."""
    return ship(wanted, modules())


def ship(wanted: Iterable[str], modules: Mapping[str, str]) -> str:
    """Join and strip what the steps need.

    Args:
        wanted: Such as ``install`` or ``wait-api``.
        modules: Sources by module name.

    Raises:
        ValueError: Two modules define the same name, or a module cannot be stripped.
    """
    functions = {step: step.replace("-", "_") for step in sorted(wanted)}
    homes = [_home(function, modules) for function in functions.values()]
    needed = _closure(["run", *homes], modules)
    parts = [_Module(name, modules[name]) for name in needed]
    _refuse_shared_names(parts)
    body = _without_idle("".join(part.text for part in parts))
    table = ",".join(f'"{step}":{function}' for step, function in functions.items())
    text = shortened(f"{_imports(parts, body)}{body}sys.exit(run({{{table}}}))\n")
    compile(text, "node.py", "exec")
    return text


def tree_digest(files: Mapping[str, bytes], config: str = "etc/nodeseed/config.json") -> str:
    """Condense a staging tree as the install step does: its config's ``tree``.

    Args:
        files: Path in the tree, without a leading slash, to content.
        config: The file that holds the digest, and so is not part of it.
    """
    rest = sorted((name, data) for name, data in files.items() if name != config)
    return hashlib.sha256(b"".join(name.encode() + data for name, data in rest)).hexdigest()[:32]


def _home(function: str, modules: Mapping[str, str]) -> str:
    """Which module defines a step's function."""
    for name, source in modules.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                return name
    raise ValueError(f"no module defines the step {function}")


def _closure(names: Iterable[str], modules: Mapping[str, str]) -> list[str]:
    """Give the modules and all that they import, each after what it imports."""
    found: list[str] = []
    for name in names:
        imported = [
            node.module.removeprefix(f"{PACKAGE}.")
            for node in ast.parse(modules[name]).body
            if isinstance(node, ast.ImportFrom) and _ours(node)
            if node.module is not None
        ]
        found += [n for n in (*_closure(imported, modules), name) if n not in found]
    return list(dict.fromkeys(found))


def _ours(node: ast.ImportFrom) -> bool:
    return (node.module or "").startswith(f"{PACKAGE}.")


@dataclass(frozen=True)
class _Module:
    """One module and what is left of it."""

    name: str
    source: str

    def __post_init__(self) -> None:
        if not self.source.isascii():  # ast counts bytes, tokenize characters
            raise ValueError(f"{self.name}.py: only ASCII can be stripped")

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def text(self) -> str:
        return "".join(_stripped(self.source, self.tree))


def _refuse_shared_names(parts: Iterable[_Module]) -> None:
    owner: dict[str, str] = {}
    for part in parts:
        for node in part.tree.body:
            names = []
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names = [node.target.id]
            for name in names:
                if owner.setdefault(name, part.name) != part.name:
                    raise ValueError(f"{owner[name]}.py and {part.name}.py both define {name}")


def _without_idle(body: str) -> str:
    """Leave out constants that nothing uses, such as types that only annotations named."""
    words = Counter(re.findall(r"\w+", body))
    return "".join(
        line
        for line in body.splitlines(keepends=True)
        if not ((found := re.match(r"(\w+)=", line)) and words[found[1]] == 1)
    )


def _imports(parts: Iterable[_Module], body: str) -> str:
    """Merge the standard library's imports, leaving out what only annotations needed."""
    used = {token.string for token in tokens(body)} | {"sys"}
    plain = {"sys"}
    named: dict[str, set[str]] = {}
    for part in parts:
        for node in part.tree.body:
            if isinstance(node, ast.Import):
                plain |= {alias.name for alias in node.names if alias.name.split(".")[0] in used}
            elif isinstance(node, ast.ImportFrom) and node.module and not _ours(node):
                names = {alias.name for alias in node.names if alias.name in used}
                named.setdefault(node.module, set()).update(names)
    if "namedtuple" in used:
        named["collections"] = {"namedtuple"}
    lines = [
        f"from {module} import {','.join(sorted(named[module]))}\n"
        for module in sorted(named)
        if named[module]
    ]
    return f"import {','.join(sorted(plain))}\n" + "".join(lines)


def _stripped(source: str, tree: ast.Module) -> Iterator[str]:
    """Give the logical lines that remain, one space per level, spaces only where needed."""
    replaced = _replacements(tree)
    level = 0
    line = ""
    for token in tokens(source):
        if token.type == INDENT:
            level += 1
        elif token.type == DEDENT:
            level -= 1
        elif token.type == NEWLINE:
            if line:
                yield " " * level + line + "\n"
            line = ""
        elif token.type not in (NL, COMMENT, ENDMARKER):
            text = token.string
            for (begin, end), instead in replaced.items():
                if begin <= token.start < end:
                    text = instead if token.start == begin else ""
            glued = line[-1:] + text[:1]
            if len(glued) == 2 and all(c.isalnum() or c == "_" for c in glued):
                line += " "
            line += text


def _replacements(tree: ast.Module) -> dict[tuple[Position, Position], str]:
    """Which stretches of source are shipped as something else, mostly as nothing."""
    found: dict[tuple[Position, Position], str] = {}
    fields: set[ast.AnnAssign] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                alone = len(node.body) == 1 and not isinstance(node, ast.Module)
                found[_span(first)] = "pass" if alone else ""
        if isinstance(node, ast.Module):
            for statement in node.body:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    found[_span(statement)] = ""
        if isinstance(node, ast.ClassDef) and _is_named_tuple(node):
            rows = [row for row in node.body if isinstance(row, ast.AnnAssign)]
            fields.update(rows)
            found[_span(node)] = _namedtuple(node.name, rows)
        elif isinstance(node, ast.arg) and node.annotation:
            name_ends = (node.lineno, node.col_offset + len(node.arg))
            found[name_ends, _span(node.annotation)[1]] = ""
        elif isinstance(node, ast.FunctionDef) and node.returns:
            # from the arrow, which stands between the parameters and the annotation
            begin, end = _span(node.returns)
            found[_arrow(begin), end] = ""
        elif isinstance(node, ast.AnnAssign) and node.value and node not in fields:
            found[_span(node.target)[1], _span(node.annotation)[1]] = ""
    return found


def _is_named_tuple(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases)


def _namedtuple(name: str, rows: list[ast.AnnAssign]) -> str:
    """The same class in the shorter notation; defaults are plain constants."""
    names = " ".join(row.target.id for row in rows if isinstance(row.target, ast.Name))
    constants = [row.value.value for row in rows if isinstance(row.value, ast.Constant)]
    defaults = f",defaults={constants!r}" if constants else ""
    return f'{name}=namedtuple("{name}","{names}"{defaults})'


def _arrow(annotation: Position) -> Position:
    """The formatter writes ``) -> X:`` on one line, so the arrow is three columns before."""
    return annotation[0], annotation[1] - 3


def _span(node: ast.stmt | ast.expr) -> tuple[Position, Position]:
    if node.end_lineno is None or node.end_col_offset is None:
        raise ValueError("a syntax tree without positions")
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
