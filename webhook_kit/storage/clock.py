"""The clock of the Redis server: one clock for all processes of an installation."""

from __future__ import annotations

import redis

__all__ = ["redis_time"]


def redis_time(connection: redis.Redis) -> float:
    """Return the time of the Redis server as Unix seconds."""
    seconds, microseconds = connection.time()
    return float(seconds + microseconds / 1e6)
