"""``kit.open_circuits``: the open circuit breakers of POS systems, which each process has for itself, in one place for people."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

import redis

from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys, pair

__all__ = ["OpenCircuits"]

_KEEP_MS = 86_400_000
"""Milliseconds after which the entry of a process that ended is removed."""


class OpenCircuits:
    """Records and lists the open circuit breakers."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys

    def record(self, store_id: str, seconds: float) -> None:
        """Record that the circuit breaker of a store is open in this process, or that it closed. Nothing fails with Redis.

        :param seconds: time for which it stays open; 0: it closed.
        """
        key, member = self._keys.open_circuits, pair(_process(), store_id)
        with suppress(redis.RedisError):  # the calls do not depend on it
            if not seconds:
                self._redis.zrem(key, member)
                return
            now = redis_time(self._redis) * 1000
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.zadd(key, {member: now + 1000 * seconds})
                pipeline.zremrangebyscore(key, "-inf", now - _KEEP_MS)
                pipeline.execute()

    def by_store(self) -> Mapping[str, Sequence[str]]:
        """Return the processes in which the circuit breaker of a store is open now, by the store's id."""
        found: dict[str, list[str]] = {}
        for member in self._redis.zrangebyscore(self._keys.open_circuits, redis_time(self._redis) * 1000, "+inf"):
            process, _, store_id = text(member).partition(":")
            found.setdefault(store_id, []).append(process)
        return found


def _process() -> str:
    return f"{os.uname().nodename.replace(':', '-')}/{os.getpid()}"
