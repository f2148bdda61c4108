"""HTTP client of an open-loop load: a request is sent at its moment, whatever became of the earlier ones.

It takes a connection that is free, or opens a new one, as a caller with many servers of its own would.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

__all__ = ["Answer", "Client", "arrivals"]

_KEEP = 5.0
"""Seconds for which a free connection is used again; the server closes it later than that."""


class Answer(NamedTuple):
    """Answer to a request.

    :ivar status: its HTTP status; 0 if there is none.
    :ivar headers: by their names in lower case.
    :ivar at: the moment at which it was complete, on the clock of the event loop.
    :ivar seconds: until then from the moment of sending, the connection included.
    :ivar error: the reason for which there is no answer; empty if there is one.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    at: float
    seconds: float
    error: str = ""


class Client:
    """Connections to one server.

    :param patience: seconds after which the caller gives up.
    :ivar in_flight: requests that are not answered yet.
    :ivar opened: connections that were opened.
    """

    def __init__(self, port: int, *, patience: float) -> None:
        self._port = port
        self._patience = patience
        self._free: deque[_Connection] = deque()
        self.in_flight = 0
        self.opened = 0

    async def send(self, request: bytes) -> Answer:
        """Send a request, and return its answer, or the reason for which there is none."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        self.in_flight += 1
        try:
            async with asyncio.timeout(self._patience):
                connection = self._take(started) or await self._open()
                try:
                    status, headers, body = await connection.exchange(request)
                except BaseException:
                    connection.transport.abort()
                    raise
            connection.used_at = loop.time()
            self._free.append(connection)
            return Answer(status, headers, body, connection.used_at, connection.used_at - started)
        except TimeoutError:
            error = "no answer in time"
        except OSError as problem:
            error = type(problem).__name__
        finally:
            self.in_flight -= 1
        return Answer(0, {}, b"", loop.time(), loop.time() - started, error)

    async def aclose(self) -> None:
        """Close the free connections."""
        while self._free:
            self._free.pop().transport.abort()
        await asyncio.sleep(0)  # in which the event loop closes them

    def _take(self, now: float) -> _Connection | None:
        while self._free:
            connection = self._free.pop()
            if not connection.closed and now - connection.used_at < _KEEP:
                return connection
            connection.transport.abort()
        return None

    async def _open(self) -> _Connection:
        self.opened += 1
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", self._port)
        return connection


class _Connection(asyncio.Protocol):
    """A keep-alive connection with at most one request in flight."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.closed = False
        self.used_at = 0.0
        self._received = b""
        self._answer: asyncio.Future[tuple[int, dict[str, str], bytes]] | None = None

    def exchange(self, request: bytes) -> asyncio.Future[tuple[int, dict[str, str], bytes]]:
        """Send a request, and return the future answer."""
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or self._answer is None or self._answer.done():
            return
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if len(body) >= int(headers["content-length"]):
            self._answer.set_result((int(status_line.split(" ", 2)[1]), headers, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed before the answer"))


async def arrivals(rate: float, seconds: float, send: Callable[[], Awaitable[object]], random: Random) -> float:
    """Send at random moments, so many a second on average, and wait until everything is answered.

    :return: the lateness of the moments, in seconds, that 99 % of them do not exceed.
    :raises Exception: that of a call.
    """
    loop = asyncio.get_running_loop()
    started, tasks, lateness = loop.time(), set[asyncio.Future[object]](), list[float]()
    failures: list[BaseException] = []

    def ended(task: asyncio.Future[object]) -> None:
        tasks.discard(task)
        if (failure := task.exception()) is not None:
            failures.append(failure)

    due = random.expovariate(rate)
    while due < seconds:
        now = loop.time() - started
        while due <= now and due < seconds:
            task = asyncio.ensure_future(send())
            tasks.add(task)
            task.add_done_callback(ended)
            lateness.append(now - due)
            due += random.expovariate(rate)
        await asyncio.sleep(max(0.002, due - (loop.time() - started)))
    while tasks:
        await asyncio.wait(tasks)
    if failures:
        raise failures[0]
    return sorted(lateness)[len(lateness) * 99 // 100] if lateness else 0.0
