"""What a machine that waits answers its peers, on the port that etcd will have afterwards."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit

from nodeseed_node.https import tls
from nodeseed_node.machine import Machine

STATE = "/nodeseed/v1/state"


def serve(m: Machine, url: str, state: Any) -> ThreadingTCPServer:
    """Answer over mutual TLS until the server is closed.

    Raises:
        OSError: The address or a certificate is not there, or somebody else has the port.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            """Give the state, and 404 for all that is etcd's."""
            self.send_response(200 if self.path == STATE else 404)
            self.end_headers()
            self.wfile.write(json.dumps(state).encode())

        def log_message(self, *_: Any) -> None:
            """Keep no log."""

    class Server(ThreadingTCPServer):
        address_family = socket.AF_INET6 if "[" in url else socket.AF_INET
        allow_reuse_address = daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing about strangers: the console is for what this node waits for."""

    context = tls(m, "etcd/", "etcd/peer", ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    to = urlsplit(url)
    server = Server((to.hostname or "", to.port or 0), Handler)
    # the handshake belongs to the thread of the connection: one silent client holds up nobody
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    return server
