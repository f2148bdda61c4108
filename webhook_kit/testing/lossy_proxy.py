"""A TCP proxy for tests that loses a request, a reply or the whole connection.

:class:`LossyHttpProxy` stands between an adapter and its POS. A loss affects only the first matching request. An adapter
that repeats the request therefore succeeds, and its second ticket reveals the mistake.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Self
from urllib.parse import urlsplit

__all__ = ["Loss", "LossyHttpProxy", "LossyProxy"]

_CHUNK = 1 << 16
_LINGER = 5.0
"""Seconds to wait for a client to close after a reply that stands for the server's."""


class Loss(StrEnum):
    """A failure of the connection between a client and its server."""

    CONNECTION = "connection"
    """The connection is refused: no request can reach the server."""
    REQUEST = "request"
    """The connection breaks before the server has the request. The server does not commit."""
    REPLY = "reply"
    """The connection breaks after the server has committed, before its reply arrives."""
    TIMEOUT = "timeout"
    """The server commits, but its reply does not arrive within the client's deadline."""
    ERROR = "error"
    """The server does not commit; it replies 500 with a JSON object."""
    BAD_GATEWAY = "bad gateway"
    """The server does not have the request; a gateway replies 502 with an HTML page."""
    GATEWAY_TIMEOUT = "gateway timeout"
    """The server commits; a gateway replies 504 with an HTML page in place of its reply."""


def _http_reply(status: str, content_type: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"{head}\r\n\r\n{body}".encode()


_REPLIES = {
    Loss.ERROR: _http_reply("500 Internal Server Error", "application/json", '{"error": "internal error"}'),
    Loss.BAD_GATEWAY: _http_reply("502 Bad Gateway", "text/html", "<h1>Bad Gateway</h1>"),
    Loss.GATEWAY_TIMEOUT: _http_reply("504 Gateway Timeout", "text/html", "<h1>Gateway Timeout</h1>"),
}
_BEFORE_THE_SERVER = (Loss.REQUEST, Loss.ERROR, Loss.BAD_GATEWAY)


@dataclass
class _Rule:
    loss: Loss
    matches: Callable[[bytes], bool]
    passes: Callable[[bytes], bool]
    once: bool
    used: bool = False


class _PendingReply:
    """The rule that applies to the reply to come on a connection, if any."""

    rule: _Rule | None = None


class LossyProxy:
    """A TCP proxy on a free loopback port. A context manager.

    :param host: host of the server behind the proxy.
    :param port: port of that server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        """Port of the proxy."""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._rule: _Rule | None = None
        self._closed = threading.Event()
        self.triggered = threading.Event()
        """Set when a request matched the current rule."""

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closed.set()
        self._close_all()

    @contextmanager
    def lose(
        self,
        loss: Loss,
        matches: Callable[[bytes], bool],
        *,
        passes: Callable[[bytes], bool] = lambda _reply: False,
        once: bool = True,
    ) -> Iterator[None]:
        """Apply a loss to matching requests within the block.

        :param matches: returns True for the first bytes of a request to be affected.
        :param passes: returns True for the first bytes of a reply that is passed on; the rule then waits for the next request.
        :param once: apply the loss to one request only.
        """
        self.triggered.clear()
        with self._lock:
            self._rule = _Rule(loss, matches, passes, once)
        try:
            yield
        finally:
            with self._lock:
                self._rule = None

    def redirect(self, host: str, port: int) -> None:
        """Lead new connections to another server; those that are open stay with theirs, as after a fail-over."""
        self._server = (host, port)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Refuse every connection within the block, and close those that are open."""
        self._close_all()
        try:
            yield
        finally:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _close_all(self) -> None:
        # close() alone does not wake a thread that waits in accept(), and the kernel would continue to accept for it.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets, self._open = self._open, set()
        for each in sockets:
            _close(each)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._relay_requests, args=(client,), daemon=True).start()

    def _relay_requests(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server)
        except OSError:
            _close(client)
            return
        with self._lock:
            self._open |= {client, server}
        exchange = _PendingReply()
        threading.Thread(target=self._relay_replies, args=(client, server, exchange), daemon=True).start()
        with suppress(OSError):
            while request := client.recv(_CHUNK):
                rule = self._matching_rule(request)
                if rule is not None and rule.loss in _BEFORE_THE_SERVER:
                    _reply(client, rule.loss)
                    break
                exchange.rule = exchange.rule or rule
                server.sendall(request)
        if exchange.rule is None:  # otherwise the reply is still to be lost
            _close(server)
            _close(client)
        with self._lock:
            self._open -= {client}

    def _relay_replies(self, client: socket.socket, server: socket.socket, exchange: _PendingReply) -> None:
        with suppress(OSError):
            while reply := server.recv(_CHUNK):
                rule = exchange.rule
                if rule is not None:
                    if not rule.passes(reply):
                        if rule.loss is Loss.TIMEOUT:
                            self._closed.wait()
                        _reply(client, rule.loss)
                        break
                    exchange.rule = None
                    with self._lock:
                        rule.used = False
                    self.triggered.clear()
                client.sendall(reply)
        _close(client)
        _close(server)
        with self._lock:
            self._open -= {server}

    def _matching_rule(self, request: bytes) -> _Rule | None:
        """Return the current rule if it applies to this beginning of a request."""
        with self._lock:
            rule = self._rule
            if rule is None or rule.used or not rule.matches(request):
                return None
            rule.used = rule.once
        self.triggered.set()
        return rule


class LossyHttpProxy(LossyProxy):
    """A proxy in front of a POS with plain HTTP; ``url`` replaces the POS's base URL in the adapter's options.

    :param target: the POS's base URL (``http://127.0.0.1:8080/api``).
    :raises ValueError: when it is not ``http://``.
    """

    def __init__(self, target: str) -> None:
        url = urlsplit(target)
        if url.scheme != "http" or not url.hostname:
            raise ValueError(f"{target}: the proxy supports plain HTTP only; use a URL that starts with http://")
        super().__init__(url.hostname, url.port or 80)
        self.url = f"http://127.0.0.1:{self.port}{url.path}"
        """The base URL through this proxy."""

    @contextmanager
    def lose_next(self, loss: Loss, request: str) -> Iterator[None]:
        """Apply a loss to the next matching request within the block.

        :param request: a pattern for the beginning of the request's head (``POST /orders``).
        """
        pattern = re.compile(request.encode())
        with self.lose(loss, lambda head: _is_head(head) and pattern.match(head) is not None):
            yield

    @contextmanager
    def lose_all(self, loss: Loss, *, after: int = 0) -> Iterator[None]:
        """Apply a loss to every request within the block.

        :param after: number of requests that pass before the first loss.
        """
        heads = count(1)
        with self.lose(loss, lambda head: _is_head(head) and next(heads) > after, once=False):
            yield


def _is_head(received: bytes) -> bool:
    return b" HTTP/1" in received.partition(b"\n")[0]


def _reply(client: socket.socket, loss: Loss) -> None:
    """Send the reply that stands for the server's, if there is one, and wait until the client has closed."""
    if loss not in _REPLIES:
        return
    with suppress(OSError):
        client.sendall(_REPLIES[loss])
        client.shutdown(socket.SHUT_WR)
        # Closing with unread data would reset the connection, and the client would lose the reply.
        client.settimeout(_LINGER)
        while client.recv(_CHUNK):
            pass


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
