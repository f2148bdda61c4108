"""Fake Gett: a separate process that receives updates, answers at once or after a delay, and records time and body of each.

With a quota it enforces the quota over an exact sliding window. ``GET /count`` and ``GET /log`` return the received requests;
``POST /control`` sets delay, limit and window, and clears the log.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from typing import Any, NamedTuple, Self

import requests

from webhook_kit.testing.processes import Process, free_port, wait_until

__all__ = ["Arrival", "FakeGett"]


class Arrival(NamedTuple):
    """A received request.

    :ivar at: Unix seconds.
    """

    at: float
    order: str
    body: dict[str, Any]
    status: int


class FakeGett:
    """The process and its client. A context manager that starts and stops it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = Process([sys.executable, "-m", "benchmarks.fake_gett", str(self.port)])
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        self._process.start()
        self._process.wait_http(f"{self.url}/count")
        return self

    def __exit__(self, *_exc: object) -> None:
        self._session.close()
        self._process.terminate()

    def reset(self, *, delay: float = 0.0, limit: int = 0, window: float = 1.0) -> None:
        """Clear the log and set the behaviour.

        :param delay: seconds until each response.
        :param limit: accepted requests per window; 0: no limit.
        :param window: seconds.
        """
        settings = {"delay": delay, "limit": limit, "window": window}
        self._session.post(f"{self.url}/control", data=json.dumps(settings), timeout=10).raise_for_status()

    def count(self) -> int:
        """Return the number of received requests."""
        return int(self._session.get(f"{self.url}/count", timeout=10).text)

    def wait(self, count: int, timeout: float = 60.0) -> None:
        """Wait until a number of requests was received."""
        wait_until(lambda: self.count() >= count, timeout, f"{count} requests")

    def log(self) -> list[Arrival]:
        """Return all requests in the order of their arrival."""
        entries = self._session.get(f"{self.url}/log", timeout=30).json()
        return [Arrival(at, path.split("/")[4], json.loads(body), status) for at, path, body, status in entries]


class _State:
    """Behaviour and log of the process."""

    def __init__(self) -> None:
        self.delay, self.limit, self.window = 0.0, 0, 1.0
        self.log: list[tuple[float, str, str, int]] = []
        self.accepted: deque[float] = deque()

    def control(self, body: bytes) -> None:
        settings = json.loads(body)
        self.delay, self.limit, self.window = settings["delay"], settings["limit"], settings["window"]
        self.log.clear()
        self.accepted.clear()

    def receive(self, path: str, body: bytes) -> bytes:
        now, status, response = time.time(), 200, b"{}"
        while self.accepted and now - self.accepted[0] >= self.window:
            self.accepted.popleft()
        if self.limit and len(self.accepted) >= self.limit:
            status = 429
            response = json.dumps({"retryAfter": self.accepted[0] + self.window - now}).encode()
        elif self.limit:
            self.accepted.append(now)
        self.log.append((now, path, body.decode(), status))
        return _http_response(response, status)


def _http_response(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        len(body),
        body,
    )


class _Connection(asyncio.Protocol):
    """One keep-alive connection."""

    transport: asyncio.Transport

    def __init__(self, state: _State) -> None:
        self._state = state
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._received) < end + 4 + length:
            return
        path = self._received[:end].split(b" ", 2)[1].decode()
        body, self._received = self._received[end + 4 : end + 4 + length], self._received[end + 4 + length :]
        self._serve(path, body)

    def _serve(self, path: str, body: bytes) -> None:
        state = self._state
        if path == "/count":
            self.transport.write(_http_response(str(len(state.log)).encode()))
        elif path == "/log":
            self.transport.write(_http_response(json.dumps(state.log).encode()))
        elif path == "/control":
            state.control(body)
            self.transport.write(_http_response(b"{}"))
        elif state.delay:
            asyncio.get_running_loop().call_later(state.delay, self.transport.write, state.receive(path, body))
        else:
            self.transport.write(state.receive(path, body))


async def _serve(port: int) -> None:
    state = _State()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(state), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
