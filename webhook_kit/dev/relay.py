"""A TCP relay in front of the web server, which is replaced behind it without a refused connection."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

__all__ = ["Relay"]

_CONNECT_PATIENCE = 30.0
"""Seconds for which a connection waits for a server that accepts it."""

_ANSWER_PATIENCE = 10.0
"""Seconds for which a change of the server waits for the answers of the former one."""

_BYTES = 65_536


class Relay:
    """Relays each new connection to the server of that moment. A context manager.

    :ivar port: loopback port on which it listens.
    :raises OSError: the port is taken.
    """

    def __init__(self, port: int, target: int) -> None:
        """Create a relay to the server at the loopback port ``target``.

        :param port: a free one when 0.
        """
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._target = target
        self._open = True
        self._changed = threading.Condition()
        self._unanswered: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._open = False
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def switch(self, target: int) -> None:
        """Relay new connections to another port, and wait until the former server has answered what it was asked.

        Open connections stay where they are. Afterwards the former server may be stopped.
        """
        with self._changed:
            self._target = target
            former = set(self._unanswered)
            self._changed.wait_for(lambda: not former & self._unanswered, _ANSWER_PATIENCE)

    def _accept(self) -> None:
        while self._open:
            try:
                client, _ = self._listener.accept()
            except OSError:
                continue
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        try:
            with client:
                server = self._connect(client)
                if server is None:
                    return
                with server:
                    back = threading.Thread(
                        target=_copy, args=(server, client, lambda: self._mark(client, answered=True)), daemon=True
                    )
                    back.start()
                    _copy(client, server, lambda: self._mark(client, answered=False))
                    back.join()
        finally:
            self._mark(client, answered=True)

    def _connect(self, client: socket.socket) -> socket.socket | None:
        deadline = time.monotonic() + _CONNECT_PATIENCE
        while self._open and time.monotonic() < deadline:
            with self._changed, suppress(OSError):  # one step, so that a change of the server knows of this connection
                server = socket.create_connection(("127.0.0.1", self._target))
                self._unanswered.add(client)
                return server
            time.sleep(0.05)
        return None

    def _mark(self, client: socket.socket, *, answered: bool) -> None:
        with self._changed:
            (self._unanswered.discard if answered else self._unanswered.add)(client)
            self._changed.notify_all()


def _copy(source: socket.socket, destination: socket.socket, on_data: Callable[[], None]) -> None:
    with suppress(OSError):
        while data := source.recv(_BYTES):
            on_data()
            destination.sendall(data)
    with suppress(OSError):
        destination.shutdown(socket.SHUT_WR)
