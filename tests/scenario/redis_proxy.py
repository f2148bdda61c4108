"""A proxy in front of Redis that loses the reply to a script after Redis has run it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from webhook_kit.testing.lossy_proxy import Loss, LossyProxy

__all__ = ["RedisProxy"]


class RedisProxy(LossyProxy):
    """A context manager; ``url`` is the value for ``REDIS_URL``."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    @contextmanager
    def lose_reply_to(self, script: str) -> Iterator[None]:
        """Close one connection after Redis has run this script, before its reply arrives."""
        with self.lose(Loss.REPLY, _calls(script), passes=_script_is_unknown):
            yield

    @contextmanager
    def hold_replies_to(self, script: str) -> Iterator[None]:
        """Hold back every reply to this script until the proxy is closed."""
        with self.lose(Loss.TIMEOUT, _calls(script), passes=_script_is_unknown, once=False):
            yield


def _calls(script: str) -> Callable[[bytes], bool]:
    sha = hashlib.sha1(script.encode()).hexdigest().encode()
    return lambda request: sha in request


def _script_is_unknown(reply: bytes) -> bool:
    """Return True if Redis has not run the script: the client loads it and calls it again."""
    return reply.startswith(b"-NOSCRIPT")
