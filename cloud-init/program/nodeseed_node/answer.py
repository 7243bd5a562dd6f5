"""What a machine that waits answers its peers, on the port that etcd will have afterwards."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from nodeseed_node.https import PKI
from nodeseed_node.machine import Machine

STATE = "/nodeseed/v1/state"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about strangers: the console is for what this node waits for."""


def serve(m: Machine, url: str, state: Any) -> socketserver.BaseServer:
    """Answer over mutual TLS until the server is closed.

    Raises:
        OSError: The address or a certificate is not there.
    """
    here = urlsplit(url)
    host = here.hostname or ""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            """Give the state, and 404 for all that is etcd's."""
            self.send_response(200 if self.path == STATE else 404)
            self.end_headers()
            self.wfile.write(json.dumps(state).encode())

        def log_message(self, *_: Any) -> None:
            """Keep no log."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(m.path(f"{PKI}etcd/ca.crt"))
    context.load_cert_chain(m.path(f"{PKI}etcd/peer.crt"), m.path(f"{PKI}etcd/peer.key"))
    _Server.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = _Server((host, here.port or 2380), Handler)
    # the handshake belongs to the thread of the connection: one silent client holds up nobody
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    return server
