"""A metadata service as EC2 has it (IMDSv2): a session by PUT, then a role and its credentials."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
Handle = Callable[[str, str, dict[str, str], bytes], Answer]


@contextmanager
def served(handle: Handle, address: str = "127.0.0.1") -> Iterator[str]:
    """A web server whose every answer a function gives; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            code, more, data = handle(self.command, self.path, headers, body)
            self.send_response_only(code)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://{address}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Metadata:
    """What the service says; ``role`` empty: the instance has no profile."""

    def __init__(self) -> None:
        self.role = "cp-1"
        self.credentials: dict[str, Any] = {
            "Code": "Success",
            "AccessKeyId": "ASIATEST",
            "SecretAccessKey": "very-secret-key",
            "Token": "very-secret-token",
            "Expiration": "2030-01-01T00:00:00Z",
        }
        self.off = False
        self.sessions = 0

    def handle(self, method: str, path: str, headers: dict[str, str], _: bytes) -> Answer:
        if self.off:
            return 403, {}, b""
        if (method, path) == ("PUT", "/latest/api/token"):
            assert 1 <= int(headers["x-aws-ec2-metadata-token-ttl-seconds"]) <= 21600
            self.sessions += 1
            return 200, {}, f"session-{self.sessions}".encode()
        if headers.get("x-aws-ec2-metadata-token") != f"session-{self.sessions}":
            return 401, {}, b""  # IMDSv1 is off
        base = "/latest/meta-data/iam/security-credentials/"
        if path == base and self.role:
            return 200, {}, self.role.encode()
        if path == base + self.role and self.role:
            return 200, {}, json.dumps(self.credentials).encode()
        return 404, {}, b""
