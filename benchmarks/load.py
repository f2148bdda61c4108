"""Load generator with little CPU time, because it shares the machine with the servers: keep-alive connections, one selector,
one thread, and requests that are serialized before the measurement.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Connection", "Measurement", "drive", "http_post"]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
# A server that writes head and body in two packets without TCP_NODELAY, as uvicorn's workers do with asyncio, would wait 40 ms
# for the acknowledgement of the first: that would measure TCP and not the framework. Linux only; valid for one response.
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_STALL_TIMEOUT = 20.0  # seconds without any response


class Measurement(NamedTuple):
    """Result of one run of requests.

    :ivar rate: responses per second.
    :ivar p50: median latency at the client in ms.
    :ivar p99: its 99th percentile in ms.
    """

    rate: float
    p50: float
    p99: float


class Connection:
    """One keep-alive connection with at most one request in flight."""

    __slots__ = ("response", "sent_at", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.socket.settimeout(None)  # read only after the selector has reported data
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.response = b""
        self.sent_at = 0.0

    @property
    def port(self) -> int:
        """The client's port, by which the server process of this connection is found."""
        port: int = self.socket.getsockname()[1]
        return port

    def send(self, request: bytes) -> None:
        self.response = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)
        if _QUICK_ACK is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def complete(self) -> bool:
        """Read the received bytes; return True if the response is complete.

        :raises ConnectionError: the server closed the connection before the response was complete.
        """
        received = self.socket.recv(262_144)
        if not received:
            raise ConnectionError(f"the server closed a connection after {len(self.response)} bytes of a response")
        self.response = self.response + received if self.response else received
        end = self.response.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = _LENGTH.search(self.response, 0, end + 2)
        if length is None:
            raise ValueError(f"the response has no Content-Length: {self.response[:500]!r}")
        return len(self.response) >= end + 4 + int(length[1])


def drive(connections: Sequence[Connection], requests: Sequence[bytes], *, expected: bytes) -> Measurement:
    """Send the requests, one at a time on each connection, and wait for all responses.

    :param expected: bytes that each response has to contain.
    :raises AssertionError: a response is not a 200 or does not contain the expected bytes.
    :raises TimeoutError: no response arrived for a while.
    """
    assert len(requests) >= len(connections)
    remaining = iter(requests)
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        started = time.perf_counter()
        for connection in connections:
            connection.send(next(remaining))
        while len(latencies) < len(requests):
            ready = selector.select(_STALL_TIMEOUT)
            if not ready:
                raise TimeoutError(
                    f"{len(requests) - len(latencies)} responses are missing; none arrived for {_STALL_TIMEOUT:g} s"
                )
            for key, _ in ready:
                connection = key.data
                if not connection.complete():
                    continue
                latencies.append(time.perf_counter() - connection.sent_at)
                if not connection.response.startswith(b"HTTP/1.1 200 ") or expected not in connection.response:
                    raise AssertionError(f"unexpected response: {connection.response[:2000]!r}")
                request = next(remaining, None)
                if request is not None:
                    connection.send(request)
        elapsed = time.perf_counter() - started
    latencies.sort()
    return Measurement(
        len(latencies) / elapsed, latencies[len(latencies) // 2] * 1000, latencies[len(latencies) * 99 // 100] * 1000
    )


def http_post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Serialize a POST request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
