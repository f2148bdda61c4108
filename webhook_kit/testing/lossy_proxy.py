"""A TCP proxy in front of a POS that loses what a test wants lost: the request, the reply, or the whole connection.

A loss strikes once. What it strikes is the first request whose head matches, so an adapter that tries again by itself gets
through, and is found out by its second ticket.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

__all__ = ["Loss", "LossyProxy"]


class Loss(StrEnum):
    """What gets lost between an adapter and its POS."""

    CONNECTION = "connection"
    """Nobody listens: nothing can reach the POS."""
    REQUEST = "request"
    """The connection breaks before the POS has the request: it never commits."""
    REPLY = "reply"
    """The connection breaks after the POS has committed, before its reply is through."""
    TIME = "time"
    """The POS commits, and its reply does not come while anybody waits."""


class LossyProxy:
    """A relay to a POS on plain HTTP. A context manager; ``url`` is what the adapter gets for the POS's own.

    :param target: the POS's base URL (``http://127.0.0.1:8080/api``).
    :raises ValueError: when it is not ``http://``.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        if self._target.scheme != "http" or not self._target.hostname:
            raise ValueError(f"{target}: the proxy speaks plain HTTP only")
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listening.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._loss: Loss | None = None
        self._pattern = re.compile(b"")
        self._over = threading.Event()
        self.struck = threading.Event()
        """Set when something was lost."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._hang_up()

    @property
    def url(self) -> str:
        """The base URL, through this proxy."""
        return f"http://127.0.0.1:{self._port}{self._target.path}"

    @contextmanager
    def losing(self, loss: Loss, request: str) -> Iterator[None]:
        """Lose that of the next request that matches; nothing more once the block is left.

        :param request: a pattern that the beginning of the request's head has to match (``POST /orders``).
        """
        self.struck.clear()
        with self._lock:
            self._loss, self._pattern = loss, re.compile(request.encode())
        try:
            yield
        finally:
            with self._lock:
                self._loss = None

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens: every connection is refused, those that are open end."""
        self._hang_up()
        try:
            yield
        finally:
            self._listening = socket.create_server(("127.0.0.1", self._port))
            threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def _hang_up(self) -> None:
        # Closing alone does not wake a thread that waits in accept(), and the kernel would go on accepting for it.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _cut(end)

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection((self._target.hostname or "", self._target.port or 80))
        except OSError:
            _cut(near)
            return
        with self._lock:
            self._open |= {near, far}
        fate: list[Loss] = []
        threading.Thread(target=self._back, args=(near, far, fate), daemon=True).start()
        with suppress(OSError):
            while chunk := near.recv(1 << 16):
                loss = self._strike(chunk)
                if loss is Loss.REQUEST:
                    break
                if loss is not None:
                    fate.append(loss)
                far.sendall(chunk)
        if not fate:
            _cut(far)
            _cut(near)
        with self._lock:
            self._open -= {near}

    def _back(self, near: socket.socket, far: socket.socket, fate: list[Loss]) -> None:
        with suppress(OSError):
            while chunk := far.recv(1 << 16):
                if Loss.REPLY in fate:
                    break
                if Loss.TIME in fate:
                    self._over.wait()
                    break
                near.sendall(chunk)
        _cut(near)
        _cut(far)
        with self._lock:
            self._open -= {far}

    def _strike(self, chunk: bytes) -> Loss | None:
        """Whether this is the beginning of the request that meets its fate."""
        with self._lock:
            if self._loss is None or b" HTTP/1" not in chunk.partition(b"\n")[0] or not self._pattern.match(chunk):
                return None
            loss, self._loss = self._loss, None
        self.struck.set()
        return loss


def _cut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
