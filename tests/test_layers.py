"""Data goes one way, and so do imports."""

from __future__ import annotations

import ast
from pathlib import Path

import nodeseed

PACKAGE = Path(nodeseed.__file__).parent
LAYERS = [
    {"errors", "markdown"},
    {"spec"},
    {"pki", "platforms", "endpoints"},
    {"transports"},
    {"nodes"},
    {"render"},
    {"outputs"},
    {"preconditions"},
    {"pipeline"},
    {"bake", "changes", "images"},
    {"cli"},
    {"reference", "__main__"},
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "nodeseed":
                found |= {parts[1]} if len(parts) > 1 else {a.name for a in node.names}
    return found - {"__version__"}


def test_every_room_has_a_place() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__pycache__", "cloud-init"} == set(RANK)


def test_nothing_imports_against_the_way_of_data() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {imported}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for room in [path.relative_to(PACKAGE).parts[0].removesuffix(".py")]
        if room != "__init__"
        for imported in sorted(_imports(path))
        if imported != room and RANK[imported] >= RANK[room]
    ]
    assert wrong == []


def test_the_core_asks_neither_clock_nor_chance_nor_environment() -> None:
    forbidden = ("datetime.now", "time.time", "os.environ", "os.urandom", "secrets.", "random.")
    wrong = [
        f"{path.relative_to(PACKAGE)}: {word}"
        for room in ("spec", "pki", "platforms", "endpoints", "transports", "nodes", "render")
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for word in forbidden
        if word in path.read_text()
    ]
    assert wrong == []
