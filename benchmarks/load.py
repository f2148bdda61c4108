"""A load generator that costs the servers it shares the machine with as little as Python can: keep-alive sockets, one
selector, one thread, and requests that are bytes before the clock starts.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Connection", "Measured", "drive", "http_post"]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
# A server that writes head and body in two packets without TCP_NODELAY, as uvicorn's workers do with asyncio, otherwise waits
# 40 ms for the acknowledgement of the first: that would measure TCP and not the framework. Linux only, and for one answer.
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_STALLED = 20.0  # seconds without any answer


class Measured(NamedTuple):
    """What one run of requests came to.

    :ivar rate: answers a second.
    :ivar p50: median latency in ms, as the client saw it.
    :ivar p99: 99th percentile of it in ms.
    """

    rate: float
    p50: float
    p99: float


class Connection:
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("answer", "sent", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.socket.settimeout(None)  # read only when the selector says so
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""
        self.sent = 0.0

    @property
    def port(self) -> int:
        """Our end's port, by which the process at the other end is found."""
        port: int = self.socket.getsockname()[1]
        return port

    def send(self, request: bytes) -> None:
        self.answer = b""
        self.sent = time.perf_counter()
        self.socket.sendall(request)
        if _QUICK_ACK is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def complete(self) -> bool:
        """Take what has arrived; whether the answer is whole.

        :raises ConnectionError: when the server closed the connection before it was.
        """
        arrived = self.socket.recv(262_144)
        if not arrived:
            raise ConnectionError(f"the server closed a connection after {len(self.answer)} bytes of an answer")
        self.answer = self.answer + arrived if self.answer else arrived
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = _LENGTH.search(self.answer, 0, end + 2)
        if length is None:
            raise ValueError(f"an answer without Content-Length: {self.answer[:500]!r}")
        return len(self.answer) >= end + 4 + int(length[1])


def drive(connections: Sequence[Connection], requests: Sequence[bytes], *, expected: bytes) -> Measured:
    """Send the requests, one at a time on each connection, and wait for all answers.

    :param expected: what each answer has to contain.
    :raises AssertionError: with the answer, when one is not a 200 or lacks what is expected.
    :raises TimeoutError: when nothing has been answered for a while.
    """
    assert len(requests) >= len(connections)
    waiting = iter(requests)
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        started = time.perf_counter()
        for connection in connections:
            connection.send(next(waiting))
        while len(took) < len(requests):
            ready = selector.select(_STALLED)
            if not ready:
                raise TimeoutError(f"{len(requests) - len(took)} answers are missing after {_STALLED:g} s of silence")
            for key, _ in ready:
                connection = key.data
                if not connection.complete():
                    continue
                took.append(time.perf_counter() - connection.sent)
                if not connection.answer.startswith(b"HTTP/1.1 200 ") or expected not in connection.answer:
                    raise AssertionError(f"not the answer that was expected: {connection.answer[:2000]!r}")
                request = next(waiting, None)
                if request is not None:
                    connection.send(request)
        elapsed = time.perf_counter() - started
    took.sort()
    return Measured(len(took) / elapsed, took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000)


def http_post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST as it travels."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
