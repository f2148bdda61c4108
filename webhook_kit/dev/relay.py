"""A TCP relay in front of the web server, which is replaced behind it without a refused connection."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Self

__all__ = ["Relay"]

_CONNECT_PATIENCE = 30.0
"""Seconds for which a connection waits for a server that accepts it."""

_BYTES = 65_536


class Relay:
    """Relays each new connection to the port ``target`` of that moment. A context manager.

    :ivar port: loopback port on which it listens.
    :ivar target: loopback port of the server; may be changed at any time. Open connections stay where they are.
    :raises OSError: the port is taken.
    """

    def __init__(self, port: int, target: int) -> None:
        """:param port: a free one when 0."""
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.target = target
        self._open = True
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._open = False
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while self._open:
            try:
                client, _ = self._listener.accept()
            except OSError:
                continue
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client:
            server = self._connect()
            if server is None:
                return
            with server:
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join()

    def _connect(self) -> socket.socket | None:
        deadline = time.monotonic() + _CONNECT_PATIENCE
        while self._open and time.monotonic() < deadline:
            try:
                return socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                time.sleep(0.05)
        return None


def _copy(source: socket.socket, destination: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_BYTES):
            destination.sendall(data)
    with suppress(OSError):
        destination.shutdown(socket.SHUT_WR)
