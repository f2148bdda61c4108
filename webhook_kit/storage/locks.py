"""Locks between processes, and tasks that one process takes on per interval. All of them expire by themselves."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import redis
from redis.exceptions import LockError
from redis.lock import Lock

from webhook_kit.errors import Conflict
from webhook_kit.logs import logger
from webhook_kit.storage.keys import Keys

__all__ = ["Intervals", "RedisLock"]

log = logger("locks")


class RedisLock:
    """A lock that only its holder extends or releases, by a token that Redis keeps.

    It expires, so that a process that dies blocks the others for a while only. Work that takes longer has to
    :meth:`extend` it, or to bear that another process begins.

    :param seconds: time after which the lock expires.
    :param wait: seconds to wait for another holder; 0 does not wait.
    :param conflict: message of the :class:`~webhook_kit.errors.Conflict` that a ``with`` raises while another process holds it.
    """

    def __init__(
        self, connection: redis.Redis, key: str, *, seconds: float, wait: float = 0.0, conflict: str = "locked"
    ) -> None:
        self._lock = Lock(connection, key, timeout=seconds, blocking=wait > 0, blocking_timeout=wait or None)
        self._key = key
        self._conflict = conflict

    def acquire(self) -> bool:
        """Take the lock. Return False when another process holds it."""
        return bool(self._lock.acquire())

    def extend(self) -> bool:
        """Let the lock last for its whole time again. Return False when it has expired, and another process may hold it."""
        try:
            self._lock.reacquire()
        except LockError:
            return False
        return True

    def release(self) -> None:
        """Give the lock back. Failing that it expires: the work that it protected is done."""
        try:
            self._lock.release()
        except redis.RedisError as error:
            log.warning("lock_not_released", key=self._key, error=type(error).__name__)

    def __enter__(self) -> Self:
        """Take the lock for a block.

        :raises Conflict: when another process holds it.
        """
        if not self.acquire():
            raise Conflict(self._conflict)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class Intervals:
    """Periodic tasks that any of several processes may do: the first that asks does it, once per interval."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys

    def claim(self, task: str, seconds: float) -> bool:
        """Take on a task. Return False when it was taken on less than so many seconds ago."""
        return bool(self._redis.set(self._keys.interval(task), "1", nx=True, px=int(seconds * 1000)))

    def end_in(self, task: str, seconds: float) -> None:
        """Let the interval of a claimed task end in so many seconds."""
        self._redis.pexpire(self._keys.interval(task), max(1, int(seconds * 1000)))
