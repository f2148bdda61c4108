"""Stores about which nothing is sent for some time."""

from __future__ import annotations

from typing import Any, NamedTuple

import redis

from webhook_kit.errors import InvalidArgument
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["QuietStore", "quiet_store", "quiet_stores", "unquiet_store"]

_LONGEST = 90 * 86_400


class QuietStore(NamedTuple):
    """Store about which nothing is sent until a moment, Unix seconds."""

    store_id: str
    until: float


def quiet_store(connection: redis.Redis, keys: Keys, store_id: str, until: float) -> None:
    """Send nothing about a store and its orders until a moment (Unix seconds). What is still open then is sent.

    :raises InvalidArgument: the moment is past, or more than 90 days ahead.
    """
    now = redis_time(connection)
    if not now < until <= now + _LONGEST:
        raise InvalidArgument("the end of the quiet has to be in the future, and at most 90 days ahead")
    with connection.pipeline() as pipeline:
        pipeline.zremrangebyscore(keys.alerts_quiet, "-inf", now * 1000)
        pipeline.zadd(keys.alerts_quiet, {store_id: until * 1000})
        pipeline.execute()


def unquiet_store(connection: redis.Redis, keys: Keys, store_id: str) -> bool:
    """Send alerts about a store again, within a minute. Return False if it was not quiet."""
    return bool(connection.zrem(keys.alerts_quiet, store_id))


def quiet_stores(connection: redis.Redis, keys: Keys, limit: int = 100) -> list[QuietStore]:
    """Return the stores that are quiet now, those that end first at the beginning.

    :raises redis.RedisError: Redis is not reachable.
    """
    now = redis_time(connection) * 1000
    found: Any = connection.zrangebyscore(keys.alerts_quiet, f"({now}", "+inf", 0, limit, withscores=True)
    return [QuietStore(text(store_id), until / 1000) for store_id, until in found]
