"""Every folder of files reaches some node."""

from nodeseed.endpoints import ENDPOINTS
from nodeseed.nodes.plan import SETS
from nodeseed.render.templates import root


def test_every_folder_is_a_set_of_some_node() -> None:
    folders = {path.name for path in root().iterdir()} - {"partials", "program", "volume"}
    endpoints = {f"endpoint-{name}" for name in ENDPOINTS}
    assert folders - endpoints == {name for name, _ in SETS}
    assert {name for name in folders if name.startswith("endpoint-")} <= endpoints
