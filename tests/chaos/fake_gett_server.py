"""A small HTTP server in the place of Gett: it takes order updates, fails at random, and records all that arrives."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, NamedTuple

RANKS = {"confirmed": 1, "preparing": 2, "ready": 3, "inTransit": 4, "completed": 8, "cancelled": 9}


class ReceivedUpdate(NamedTuple):
    """An update that arrived.

    :ivar accepted: True if Gett took it, also if the response was lost.
    """

    order: str
    body: dict[str, Any]
    accepted: bool

    @property
    def step(self) -> str:
        return str(self.body.get("state") or self.body.get("status"))


class Response(NamedTuple):
    """Response to an update.

    :ivar delay: seconds before the response is sent.
    :ivar reset: reset the connection instead of a response.
    """

    status: int
    headers: dict[str, str]
    body: bytes = b"{}"
    accepted: bool = False
    delay: float = 0.0
    reset: bool = False


ACCEPTED = Response(202, {}, accepted=True)
Responder = Callable[[], Response]


def random_failures(seed: int, client_timeout: float) -> Responder:
    """Return a responder that accepts three updates of four, and fails for the others in every way of a network.

    :param client_timeout: seconds that the client waits for a response.
    """
    random = Random(seed)
    # Each of these delays all sending for a second, so there are only a few.
    pauses = [Response(429, {}), Response(429, {"Retry-After": "1"})] * 3
    responders: dict[str, tuple[int, Responder]] = {
        "accepted": (75, lambda: ACCEPTED),
        "rate limited": (4, lambda: Response(429, {}, b'{"retryAfter": 0.02}')),
        "rate limited for a second": (1, lambda: pauses.pop() if pauses else ACCEPTED),
        "failed": (5, lambda: Response(500, {})),
        "unavailable": (4, lambda: Response(503, {})),
        "unavailable for a second": (2, lambda: Response(503, {"Retry-After": "1"})),
        "request lost": (3, lambda: Response(0, {}, reset=True)),
        "response lost": (3, lambda: Response(0, {}, accepted=True, reset=True)),
        "response too late": (3, lambda: ACCEPTED._replace(delay=client_timeout * 1.3)),
    }
    weights = [weight for weight, _ in responders.values()]
    lock = threading.Lock()

    def respond() -> Response:
        with lock:
            (name,) = random.choices(list(responders), weights)
            return responders[name][1]()

    return respond


class FakeGettServer:
    """The server and the updates that it received."""

    def __init__(self, respond: Responder = lambda: ACCEPTED) -> None:
        self.respond = respond
        self.received: list[ReceivedUpdate] = []
        self.lock = threading.Lock()
        self.responding = threading.Event()
        """While it is not set, updates arrive and get no response."""
        self.responding.set()
        self.pending = 0
        """Number of updates that have arrived and wait for a response."""

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve on the loopback for the length of the block; yields the base URL."""
        server = _Server(("127.0.0.1", port), _Handler)
        server.gett = self
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def has_received(self, count: int) -> bool:
        """Return True if so many updates have arrived."""
        return len(self.received) >= count

    def has_received_update(self, update: tuple[str, dict[str, Any]]) -> bool:
        """Return True if this body has arrived for this order."""
        with self.lock:
            return any(received[:2] == update for received in self.received)

    def last_accepted(self) -> dict[str, ReceivedUpdate]:
        """Return the last accepted update of each order."""
        with self.lock:
            return {received.order: received for received in self.received if received.accepted}

    def out_of_order(self) -> list[str]:
        """Return the updates that arrived after a newer one of the same order had been accepted."""
        newest: dict[str, int] = {}
        mistakes = []
        with self.lock:
            for received in self.received:
                rank = RANKS[received.step]
                if rank < newest.get(received.order, 0):
                    mistakes.append(f"{received.order}: {received.step} after rank {newest[received.order]}")
                if received.accepted:
                    newest[received.order] = rank
        return mistakes


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    gett: FakeGettServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors: these tests kill clients during a request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        gett = self.server.gett
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        order = self.path.split("/")[-2]
        response = gett.respond()
        with gett.lock:
            # A request that its sender gave up before it was read counts as lost on the way.
            if self._hung_up():
                self.close_connection = True
                return
            gett.received.append(ReceivedUpdate(order, body, response.accepted))
            gett.pending += 1
        gett.responding.wait()
        with gett.lock:
            gett.pending -= 1
        if response.delay:
            threading.Event().wait(response.delay)
        if response.reset:
            # Closing with a linger of zero seconds sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        head = f"HTTP/1.1 {response.status} {response.status}\r\nContent-Length: {len(response.body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        self.wfile.write(head.encode() + b"\r\n" + response.body)

    def _hung_up(self) -> bool:
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: ``received`` has it all."""
