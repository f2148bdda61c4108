"""A sentinel that names whatever a test wants, or nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from typing import Self

from tests.tcp_server import FakeServer

__all__ = ["FakeSentinel"]


class FakeSentinel:
    """A context manager.

    :param primaries: port of each primary by its name.
    :param hangs: it accepts connections and never answers.
    :ivar asked: number of questions for a primary so far; of a sentinel that hangs, of connections.
    """

    def __init__(self, primaries: Mapping[str, int], *, hangs: bool = False, password: str = "") -> None:
        self.primaries = dict(primaries)
        self.hangs = hangs
        self.asked = 0
        self._password = password
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._server = FakeServer(self._serve)
        self.address = self._server.url.removeprefix("http://")
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.set()
        self._server.close()

    def _serve(self, connection: socket.socket) -> None:
        authenticated = not self._password
        while words := _words(connection.recv(65_536)):
            if self.hangs:
                self.asked += 1
                self._closing.wait()
                return
            if words[0] == "AUTH":
                authenticated = words[-1] == self._password
                connection.sendall(b"+OK\r\n" if authenticated else b"-WRONGPASS invalid password\r\n")
            elif words[0] == "CLIENT":
                connection.sendall(b"+OK\r\n")
            elif not authenticated:
                connection.sendall(b"-NOAUTH Authentication required.\r\n")
            elif words[1] == "MASTERS":
                masters = [
                    ["name", name, "ip", "127.0.0.1", "port", str(port)] for name, port in self.primaries.items()
                ]
                connection.sendall(b"*%d\r\n" % len(masters) + b"".join(map(_array, masters)))
            else:
                self.asked += 1
                port = self.primaries.get(words[2])
                connection.sendall(_array(["127.0.0.1", str(port)]) if port else b"*-1\r\n")


def _words(request: bytes) -> list[str]:
    """Return the words of the command that is sent first."""
    parts = request.split(b"\r\n")
    return [part.decode() for part in parts[2 : 2 * int(parts[0][1:]) + 1 : 2]] if request else []


def _array(texts: list[str]) -> bytes:
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%s\r\n" % (len(text), text.encode()) for text in texts)
