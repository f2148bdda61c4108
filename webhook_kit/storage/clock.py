"""Clocks: the one of the Redis server, by which all processes of an installation measure ages, and those that differ from it."""

from __future__ import annotations

import time
from contextlib import suppress

import redis

from webhook_kit.logs import logger
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["TOLERANCE", "ClockWatch", "clock_difference", "gett_difference", "redis_time", "save_gett_difference"]

log = logger("clock")

TOLERANCE = 30.0
"""Seconds by which two clocks may differ without a report; Gett refuses and is refused beyond 300 s."""

_REPORT_AGAIN = 600.0
"""Seconds between two reports of the same clock."""

_KEEP = 1200
"""Seconds for which ``check`` tells a difference from Gett's clock; a worker that still sees it reports it again before."""


def redis_time(connection: redis.Redis) -> float:
    """Return the time of the Redis server as Unix seconds."""
    seconds, microseconds = connection.time()
    return float(seconds + microseconds / 1e6)


def clock_difference(seconds: float, owner: str, host: str = "this host") -> str:
    """Return the text for the difference of a host's clock.

    :param seconds: positive if the host's clock is ahead.
    :param owner: whose clock it is compared with.
    """
    return f"{host}'s clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the clock of {owner}"


def save_gett_difference(connection: redis.Redis, keys: Keys, seconds: float) -> None:
    """Save by how many seconds a worker's clock is ahead of Gett's, for ``webhook-kit check``."""
    with suppress(redis.RedisError):  # the log has the difference
        connection.set(keys.gett_clock, f"{seconds:.0f}", ex=_KEEP)


def gett_difference(connection: redis.Redis, keys: Keys) -> float | None:
    """Return the seconds by which a worker's clock was ahead of Gett's; None if it was not reported in the last minutes."""
    saved = connection.get(keys.gett_clock)
    return None if saved is None else float(text(saved))


class ClockWatch:
    """Reports clocks that differ from this host's by a log line, each at most once in ten minutes."""

    def __init__(self) -> None:
        self._reported: dict[str, float] = {}

    def observe(self, owner: str, their_time: float) -> float | None:
        """Compare this host's clock with another one, as Unix seconds.

        :return: the difference in seconds if it was reported now: positive if this host's clock is ahead.
        """
        difference, now = time.time() - their_time, time.monotonic()
        if abs(difference) <= TOLERANCE or now - self._reported.get(owner, -_REPORT_AGAIN) < _REPORT_AGAIN:
            return None
        self._reported[owner] = now
        log.warning("clock_differs", clock=owner, seconds=round(difference), why=clock_difference(difference, owner))
        return difference
