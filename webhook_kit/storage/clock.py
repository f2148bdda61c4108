"""Clocks: the one of the Redis server, by which all processes of an installation measure ages, and those that differ from it."""

from __future__ import annotations

import time

import redis

from webhook_kit.logs import logger

__all__ = ["TOLERANCE", "ClockWatch", "clock_difference", "redis_time"]

log = logger("clock")

TOLERANCE = 30.0
"""Seconds by which two clocks may differ without a report; Gett refuses and is refused beyond 300 s."""

_REPORT_AGAIN = 600.0
"""Seconds between two reports of the same clock."""


def redis_time(connection: redis.Redis) -> float:
    """Return the time of the Redis server as Unix seconds."""
    seconds, microseconds = connection.time()
    return float(seconds + microseconds / 1e6)


def clock_difference(seconds: float, owner: str) -> str:
    """Return the text for the difference of this host's clock.

    :param seconds: positive if this host's clock is ahead.
    :param owner: whose clock it is compared with.
    """
    return f"this host's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the clock of {owner}"


class ClockWatch:
    """Reports clocks that differ from this host's by a log line, each at most once in ten minutes."""

    def __init__(self) -> None:
        self._reported: dict[str, float] = {}

    def observe(self, owner: str, their_time: float) -> None:
        """Compare this host's clock with another one, as Unix seconds."""
        difference, now = time.time() - their_time, time.monotonic()
        if abs(difference) <= TOLERANCE or now - self._reported.get(owner, -_REPORT_AGAIN) < _REPORT_AGAIN:
            return
        self._reported[owner] = now
        log.warning("clock_differs", clock=owner, seconds=round(difference), why=clock_difference(difference, owner))
