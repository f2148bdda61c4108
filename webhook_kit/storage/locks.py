"""Locks between processes, and tasks that one process takes on per interval. All of them expire by themselves."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

import redis

from webhook_kit.errors import Conflict
from webhook_kit.logs import logger
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.marks import Mark

__all__ = ["Intervals", "RedisLock"]

log = logger("locks")

_POLL = 0.1
"""Seconds between two attempts to take a lock that another process holds."""


class RedisLock:
    """A lock that only its holder extends or releases.

    It expires, so that a process that dies blocks the others for a while only. Work that takes longer has to
    :meth:`extend` it, or to bear that another process begins.

    :param seconds: time after which the lock expires.
    :param wait: seconds to wait for another holder; 0 does not wait.
    :param renew: extend the lock in the background while a ``with`` block runs, so that ``seconds`` may be short.
    :param conflict: message of the :class:`~webhook_kit.errors.Conflict` that a ``with`` raises while another process holds it.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        key: str,
        *,
        seconds: float,
        wait: float = 0.0,
        renew: bool = False,
        conflict: str = "locked",
    ) -> None:
        self._mark = Mark(connection, keys, key)
        self._key = key
        self._seconds = seconds
        self._wait = wait
        self._renew = renew
        self._conflict = conflict
        self._released = threading.Event()

    def acquire(self) -> bool:
        """Take the lock. Return False when another process holds it."""
        deadline = time.monotonic() + self._wait
        while not self._mark.take(self._seconds):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)
        return True

    def extend(self) -> bool:
        """Let the lock last for its whole time again. Return False when it has expired, and another process may hold it."""
        return self._mark.last(self._seconds)

    def release(self) -> None:
        """Give the lock back. Failing that it expires: the work that it protected is done."""
        self._released.set()
        try:
            if not self._mark.delete():
                log.warning("lock_expired", key=self._key)
        except redis.RedisError as error:
            log.warning("lock_not_released", key=self._key, error=type(error).__name__)

    def __enter__(self) -> Self:
        """Take the lock for a block.

        :raises Conflict: when another process holds it.
        """
        if not self.acquire():
            raise Conflict(self._conflict)
        if self._renew:
            threading.Thread(target=self._keep, name="lock", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _keep(self) -> None:
        while not self._released.wait(self._seconds / 3):
            try:
                if not self.extend():
                    return
            except redis.RedisError as error:
                log.warning("lock_not_extended", key=self._key, error=type(error).__name__)


class Intervals:
    """Periodic tasks that any of several processes may do: the first that asks does it, once per interval."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys

    def claim(self, task: str, seconds: float) -> Mark | None:
        """Take on a task. Return None when it was taken on less than so many seconds ago.

        :return: the mark of the interval; :meth:`Mark.last <webhook_kit.storage.marks.Mark.last>` changes when it ends.
        """
        mark = Mark(self._redis, self._keys, self._keys.interval(task))
        return mark if mark.take(seconds) else None
