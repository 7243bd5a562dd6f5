"""Runs in a QEMU machine: what stands for API servers there, and who connects to them."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PERIOD = 0.1
PATIENCE = 1.0


def serve(name: str, folder: str, port: str) -> None:
    """Be ready, and say who is.

    By TLS to health checks, and without to our client: ten handshakes a second are too much for an
    emulated processor.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/apiserver.crt", f"{folder}/apiserver.key")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: Any, client_address: Any) -> None:
            if request.recv(1, socket.MSG_PEEK) != b"\x16":  # a handshake's first byte
                super().finish_request(request, client_address)
                return
            with context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)

    Server(("", int(port)), Handler).serve_forever()


def connect(address: str, port: str, seconds: str) -> None:
    """Connect anew ten times a second; print when each attempt ended, and who answered."""
    attempts: list[tuple[float, str]] = []

    def attempt() -> None:
        said = b""
        try:
            with socket.create_connection((address, int(port)), PATIENCE) as connection:
                connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
                while piece := connection.recv(4096):
                    said += piece
        except OSError:
            said = b""
        attempts.append((time.time(), said.rpartition(b"\n")[2].decode()))

    threads = []
    begin = time.monotonic()
    for number in range(int(float(seconds) / PERIOD)):
        time.sleep(max(0, begin + number * PERIOD - time.monotonic()))
        threads.append(threading.Thread(target=attempt))
        threads[-1].start()
    for thread in threads:
        thread.join()
    print(json.dumps(sorted(attempts)))


if __name__ == "__main__":
    {"serve": serve, "connect": connect}[sys.argv[1]](*sys.argv[2:])
