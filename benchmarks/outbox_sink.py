"""Where all updates arrive: a process of its own that answers at once or after a while, notes each request's moment and
text, and, when told a quota, enforces it over an exact sliding window.

``GET /count`` and ``GET /log`` tell what has arrived; ``POST /control`` sets delay, limit and window, and forgets the rest.
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

__all__ = ["Arrival", "Sink"]


class Arrival(NamedTuple):
    """A request that arrived.

    :ivar at: Unix seconds.
    """

    at: float
    order: str
    body: dict[str, Any]
    status: int


class Sink:
    """The process, as the benchmark sees it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = Process([sys.executable, "-m", "benchmarks.outbox_sink", str(self.port)])
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
        """Forget what arrived, and behave so from now on."""
        settings = {"delay": delay, "limit": limit, "window": window}
        self._session.post(f"{self.url}/control", data=json.dumps(settings), timeout=10).raise_for_status()

    def count(self) -> int:
        """Requests so far."""
        return int(self._session.get(f"{self.url}/count", timeout=10).text)

    def wait(self, count: int, timeout: float = 60.0) -> None:
        """Until so many requests have arrived."""
        wait_until(lambda: self.count() >= count, timeout, f"{count} requests")

    def log(self) -> list[Arrival]:
        """All requests, in the order in which they arrived."""
        entries = self._session.get(f"{self.url}/log", timeout=30).json()
        return [Arrival(at, path.split("/")[4], json.loads(body), status) for at, path, body, status in entries]


class _State:
    """What the process knows."""

    def __init__(self) -> None:
        self.delay, self.limit, self.window = 0.0, 0, 1.0
        self.log: list[tuple[float, str, str, int]] = []
        self.taken: deque[float] = deque()

    def control(self, body: bytes) -> None:
        settings = json.loads(body)
        self.delay, self.limit, self.window = settings["delay"], settings["limit"], settings["window"]
        self.log.clear()
        self.taken.clear()

    def arrived(self, path: str, body: bytes) -> bytes:
        now, status, answer = time.time(), 200, b"{}"
        while self.taken and now - self.taken[0] >= self.window:
            self.taken.popleft()
        if self.limit and len(self.taken) >= self.limit:
            status = 429
            answer = json.dumps({"retryAfter": self.taken[0] + self.window - now}).encode()
        elif self.limit:
            self.taken.append(now)
        self.log.append((now, path, body.decode(), status))
        return _answer(answer, status)


def _answer(body: bytes, status: int = 200) -> bytes:
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
            self.transport.write(_answer(str(len(state.log)).encode()))
        elif path == "/log":
            self.transport.write(_answer(json.dumps(state.log).encode()))
        elif path == "/control":
            state.control(body)
            self.transport.write(_answer(b"{}"))
        elif state.delay:
            asyncio.get_running_loop().call_later(state.delay, self.transport.write, state.arrived(path, body))
        else:
            self.transport.write(state.arrived(path, body))


async def _serve(port: int) -> None:
    state = _State()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(state), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
