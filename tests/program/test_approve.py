"""A control plane looks at certificate requests: asked by kube-controller-manager, in a stream."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from nodeseed_node.approve import REQUESTS, approve
from nodeseed_node.https import tls
from tests.program.machines import FakeMachine
from tests.program.test_before_kubelet import PKI, certificate
from tests.program.test_csr import CONFIG, THERE, client, serving


class Enough(BaseException):
    """Ends a step that never ends."""


class Api(BaseHTTPRequestHandler):
    requests: ClassVar[list[dict[str, Any]]] = []
    patched: ClassVar[dict[str, Any]] = {}
    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        if self.path.startswith(REQUESTS):
            events = [{"type": "ADDED", "object": request} for request in self.requests]
            self.answer(200, "".join(json.dumps(event) + "\n" for event in events))
        else:
            assert self.path == "/api/v1/nodes"
            self.answer(200, json.dumps({"items": THERE}))

    def do_PATCH(self) -> None:
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        length = int(self.headers["Content-Length"])
        self.patched[self.path] = json.loads(self.rfile.read(length))
        self.answer(self.status, json.dumps({"message": "not allowed yet"}))

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[FakeMachine]:
    m = FakeMachine(tmp_path, "approve")
    certificate(m, "ca")
    server = HTTPServer(("127.0.0.1", 0), Api)
    context = tls(m, "", "ca", ssl.Purpose.CLIENT_AUTH)
    context.load_verify_locations(m.path(f"{PKI}/ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED  # whoever has no certificate gets no answer
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    m.configure(**CONFIG, server=f"https://127.0.0.1:{server.server_port}")
    pair = {
        kind: base64.b64encode(m.path(f"{PKI}/ca.{end}").read_bytes()).decode()
        for kind, end in (("certificate", "crt"), ("key", "key"))
    }
    m.write(
        "etc/kubernetes/controller-manager.conf",
        "".join(f"    client-{kind}-data: {data}\n" for kind, data in pair.items()),
    )
    Api.patched.clear()
    Api.status = 200
    yield m
    server.shutdown()
    server.server_close()


def request(name: str, spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": "7"}, "spec": spec, "status": status}


def once(m: FakeMachine) -> None:
    """One look; the step itself goes on for ever."""

    def end() -> None:
        raise Enough

    m.while_asleep.append(end)
    with pytest.raises(Enough):
        approve(m)


def test_good_requests_are_approved_and_others_named(control_plane: FakeMachine) -> None:
    Api.requests = [
        request("garbage", {**client(), "request": "AAAA"}),
        request("thief", client("cp-1")),
        request("new", client("burst-2")),
        request("done", client("burst-3"), conditions=[{"type": "Approved"}]),
        request("renewal", {**client(), "groups": ["system:nodes"]}),
        request("serving", serving()),
    ]
    once(control_plane)
    assert set(Api.patched) == {f"{REQUESTS}/{name}/approval" for name in ("new", "serving")}
    assert Api.patched[f"{REQUESTS}/new/approval"] == {
        "metadata": {"resourceVersion": "7"},
        "status": {
            "conditions": [{"type": "Approved", "status": "True", "reason": "NodeseedPool"}]
        },
    }
    said = control_plane.said
    assert said.startswith("not approved: garbage of system:bootstrap:abcdef: ")
    assert said.endswith(
        "; thief of system:bootstrap:abcdef: cp-1 is no machine of an elastic pool"
    )
    assert [line.partition("approve: ")[2] for line in control_plane.console[:2]] == [
        "approved new of system:bootstrap:abcdef",
        "approved serving of system:node:burst-1",
    ]
    assert control_plane.path("run/nodeseed/approve.pem").stat().st_mode & 0o777 == 0o600


def test_who_comes_second_finds_it_done(control_plane: FakeMachine) -> None:
    Api.requests, Api.status = [request("new", client("burst-2"))], 409
    once(control_plane)
    assert control_plane.said == "watching"


def test_a_right_that_is_still_to_come_is_waited_for(control_plane: FakeMachine) -> None:
    Api.requests, Api.status = [request("new", client("burst-2"))], 403
    once(control_plane)
    assert control_plane.said == "not allowed yet"
