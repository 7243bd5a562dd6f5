"""Before a worker's haproxy starts: nobody else has its port."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from nodeseed_node.endpoint import endpoint
from nodeseed_node.machine import Machine
from tests.program.machines import FakeMachine


def test_it_waits_for_the_port_and_says_who_has_it(tmp_path: Path) -> None:
    said = ['LISTEN 0 511 0.0.0.0:7443 0.0.0.0:* users:(("nginx",pid=7,fd=6))', ""]
    m = FakeMachine(tmp_path, "endpoint", lambda *_: (0, said.pop(0)))
    m.configure(server="https://api.test.example.com:7443")
    assert endpoint(m) == 0
    command, *places = m.commands[0]
    assert (command, places[0]) == ("ss", "-Hltnp")
    assert places[1].split(" or ") == [
        "src 127.0.0.1:7443",
        "src 0.0.0.0:7443",
        "src [::]:7443",
    ]
    assert [line.partition("endpoint: ")[2] for line in m.console] == [
        (
            "port 7443 is taken, stop its owner: "
            'LISTEN 0 511 0.0.0.0:7443 0.0.0.0:* users:(("nginx",pid=7,fd=6))'
        ),
        "port 7443 is free",
    ]


@pytest.mark.parametrize(
    ("address", "taken"),
    [("127.0.0.1", True), ("0.0.0.0", True), ("::", True), ("127.0.0.2", False)],  # noqa: S104
)
def test_what_listens_elsewhere_is_in_nobodys_way(
    tmp_path: Path, address: str, taken: bool
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        m = FakeMachine(tmp_path, "endpoint", lambda command, _: Machine("/", "").run(*command))
        m.while_asleep = [listener.close]
        m.configure(server=f"https://api:{listener.getsockname()[1]}")
        assert endpoint(m) == 0
    assert m.slept == taken


def test_a_machine_that_cannot_tell_goes_on(tmp_path: Path) -> None:
    m = FakeMachine(tmp_path, "endpoint", lambda *_: (127, "no such file: ss"))
    m.configure()
    assert endpoint(m) == 0
