"""A web server on the lab's bridge, for machines that fetch their software."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT = 8765


@contextmanager
def served(folder: Path, address: str) -> Iterator[list[str]]:
    """A web server; gives what it was asked for, in that order."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            asked.append(f"{self.client_address[0]} {self.path}")

    server = ThreadingHTTPServer((address, PORT), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
