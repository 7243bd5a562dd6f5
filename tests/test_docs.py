"""Pages that can rot are generated, and examples are loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodeseed.nodes.build import build
from nodeseed.reference import pages
from nodeseed.spec.load import load
from nodeseed.spec.starter import starter

ROOT = Path(__file__).parent.parent
EXAMPLES = {
    f"{page.relative_to(ROOT)}#{number}": block
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
    if "kind: Cluster" in block
}


@pytest.mark.parametrize(("name", "text"), pages(), ids=lambda value: value[:20])
def test_generated_pages_are_up_to_date(name: str, text: str) -> None:
    assert (ROOT / "docs" / name).read_text() == text, "run: make docs"


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_in_the_documentation_are_cluster_files(name: str) -> None:
    build(load(EXAMPLES[name].encode(), name), {})


@pytest.mark.parametrize("path", sorted((ROOT / "clusters").glob("*.yaml")), ids=lambda p: p.stem)
def test_example_clusters_are_good(path: Path) -> None:
    build(load(path.read_bytes(), path.name), {})


def test_the_starter_renders_as_it_is() -> None:
    assert len(build(load(starter("home").encode(), "home.yaml"), {}).machines) == 5


def test_readme_names_every_command_that_it_promises() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in ("make userdata CLUSTER=prod", "make test", "nodeseed renew", "nodeseed certs"):
        assert command in readme


def test_changelog_knows_this_version() -> None:
    from nodeseed import __version__  # noqa: PLC0415

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
