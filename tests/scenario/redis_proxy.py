"""A line to Redis that can be cut at the worst moment: after Redis did what it was told, before anyone hears of it."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

__all__ = ["Line"]


class Line:
    """A TCP relay to Redis. A context manager; ``url`` is what goes into ``REDIS_URL``."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._sha = b""
        self._then = ""
        self._open: list[socket.socket] = []
        self.struck = threading.Event()
        """Set when a reply was lost or held."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listening.close()
        with self._lock:
            for each in self._open:
                each.close()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"

    @contextmanager
    def losing_the_reply_to(self, script: str) -> Iterator[None]:
        """Cut one connection after Redis ran this script, before its reply is through."""
        with self._striking(script, "cut"):
            yield

    @contextmanager
    def holding_the_replies_to(self, script: str) -> Iterator[None]:
        """Let no reply to this script through, for as long as the relay lives."""
        with self._striking(script, "hold"):
            yield

    @contextmanager
    def _striking(self, script: str, then: str) -> Iterator[None]:
        self.struck.clear()
        with self._lock:
            self._sha, self._then = hashlib.sha1(script.encode()).hexdigest().encode(), then
        try:
            yield
        finally:
            with self._lock:
                self._sha = b""

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                with self._lock:
                    self._open += [near, far]
                struck = threading.Event()
                for relay in (self._to_redis, self._from_redis):
                    threading.Thread(target=relay, args=(near, far, struck), daemon=True).start()

    def _to_redis(self, near: socket.socket, far: socket.socket, struck: threading.Event) -> None:
        with near, far, suppress(OSError):
            while request := near.recv(1 << 16):
                with self._lock:
                    if self._sha and self._sha in request:
                        struck.set()
                far.sendall(request)

    def _from_redis(self, near: socket.socket, far: socket.socket, struck: threading.Event) -> None:
        with near, far, suppress(OSError):
            while reply := far.recv(1 << 16):
                if struck.is_set() and not reply.startswith(b"-NOSCRIPT"):
                    self.struck.set()
                    with self._lock:
                        if self._then == "hold":
                            continue
                        self._sha = b""
                    near.shutdown(socket.SHUT_RDWR)
                    return
                struck.clear()
                near.sendall(reply)
