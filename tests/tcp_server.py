"""TCP servers that answer as a test wants: not at all, byte by byte, without end, encrypted."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Serve = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: who=me\r\n\r\nok"


class FakeServer:
    """TCP server that passes each connection to a function of the test."""

    def __init__(self, serve: Serve) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._serve = serve
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._serve(connection)

    def close(self) -> None:
        # Closing alone leaves the thread in accept().
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def responding(*responses: bytes) -> Serve:
    """Send one response per request of a connection, then close it."""

    def serve(connection: socket.socket) -> None:
        for response in responses:
            if not connection.recv(65_536):
                return
            connection.sendall(response)

    return serve


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def trickling(begin: bytes) -> Serve:
    """Send the beginning of a response, and then a byte now and then for ever."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(begin)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    return serve


def over_tls(certificate: Path, serve: Serve) -> Serve:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            serve(encrypted)

    return wrapped
