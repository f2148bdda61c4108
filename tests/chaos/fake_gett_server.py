"""Gett on a bad day: a small HTTP server that answers order updates as its dice fall, and remembers everything."""

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


class Arrival(NamedTuple):
    """An update that arrived.

    :ivar accepted: Gett took it, whether or not the answer arrived.
    """

    order: str
    body: dict[str, Any]
    accepted: bool

    @property
    def step(self) -> str:
        return str(self.body.get("state") or self.body.get("status"))


class Fate(NamedTuple):
    """What happens to an update.

    :ivar seconds: how long the answer takes.
    :ivar reset: the connection breaks instead of an answer.
    """

    status: int
    headers: dict[str, str]
    body: bytes = b"{}"
    accepted: bool = False
    seconds: float = 0.0
    reset: bool = False


ACCEPTED = Fate(202, {}, accepted=True)
Dice = Callable[[], Fate]


def bad_day(seed: int, patience: float) -> Dice:
    """Three in four are taken; the rest meet everything that a network and a busy Gett have to offer.

    :param patience: seconds after which the client gives up.
    """
    random = Random(seed)
    # Each of these holds up all sending for a second, so there are only a few.
    pauses = [Fate(429, {}), Fate(429, {"Retry-After": "1"})] * 3
    fates: dict[str, tuple[int, Dice]] = {
        "taken": (75, lambda: ACCEPTED),
        "busy": (4, lambda: Fate(429, {}, b'{"retryAfter": 0.02}')),
        "pause": (1, lambda: pauses.pop() if pauses else ACCEPTED),
        "failed": (5, lambda: Fate(500, {})),
        "unavailable": (4, lambda: Fate(503, {})),
        "unavailable for a second": (2, lambda: Fate(503, {"Retry-After": "1"})),
        "lost on the way": (3, lambda: Fate(0, {}, reset=True)),
        "taken, but the answer is lost": (3, lambda: Fate(0, {}, accepted=True, reset=True)),
        "taken, but the answer is late": (3, lambda: ACCEPTED._replace(seconds=patience * 1.3)),
    }
    weights = [weight for weight, _ in fates.values()]
    lock = threading.Lock()

    def throw() -> Fate:
        with lock:
            (name,) = random.choices(list(fates), weights)
            return fates[name][1]()

    return throw


class Sink:
    """The server and its memory."""

    def __init__(self, dice: Dice = lambda: ACCEPTED) -> None:
        self.dice = dice
        self.log: list[Arrival] = []
        self.lock = threading.Lock()
        self.open = threading.Event()
        """While this is not set, updates arrive and nobody is answered."""
        self.open.set()
        self.held = 0
        """How many updates have arrived and wait for that."""

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve on the loopback for the length of the block; yields the base URL."""
        server = _Server(("127.0.0.1", port), _Handler)
        server.sink = self
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def has_seen(self, count: int) -> bool:
        """Whether so many updates have arrived."""
        return len(self.log) >= count

    def has_got(self, update: tuple[str, dict[str, Any]]) -> bool:
        """Whether an order's update has arrived."""
        with self.lock:
            return any(arrival[:2] == update for arrival in self.log)

    def accepted(self) -> dict[str, Arrival]:
        """The last update of each order that was taken."""
        with self.lock:
            return {arrival.order: arrival for arrival in self.log if arrival.accepted}

    def steps_back(self) -> list[str]:
        """Updates that arrived after a newer one of the same order had been taken."""
        newest: dict[str, int] = {}
        found = []
        with self.lock:
            for arrival in self.log:
                rank = RANKS[arrival.step]
                if rank < newest.get(arrival.order, 0):
                    found.append(f"{arrival.order}: {arrival.step} after rank {newest[arrival.order]}")
                if arrival.accepted:
                    newest[arrival.order] = rank
        return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    sink: Sink

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients that are killed in mid-sentence are the point."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        sink = self.server.sink
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        order = self.path.split("/")[-2]
        fate = sink.dice()
        with sink.lock:
            # What its sender gave up before anybody read it has been lost on the way, and did not arrive now.
            if self._hung_up():
                self.close_connection = True
                return
            sink.log.append(Arrival(order, body, fate.accepted))
            sink.held += 1
        sink.open.wait()
        with sink.lock:
            sink.held -= 1
        if fate.seconds:
            threading.Event().wait(fate.seconds)
        if fate.reset:
            # Closing with a linger of zero seconds sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        head = f"HTTP/1.1 {fate.status} {fate.status}\r\nContent-Length: {len(fate.body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fate.headers.items())
        self.wfile.write(head.encode() + b"\r\n" + fate.body)

    def _hung_up(self) -> bool:
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the sink's own log is enough."""
