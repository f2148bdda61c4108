"""The sandbox's clock: it can be set, stopped and run faster, and says so to whoever waits for a moment.

What stands in Gett's answers, and what Gett waits for (retries, pauses that end, sessions, tokens, quota), is read from it. A
webhook's ``Timestamp`` is not [D]: the partner compares that with a clock of its own.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock"]


class Clock:
    """A clock for many threads.

    :param now: where it starts, aware; the real time when None.
    :param speed: its seconds per real second; 0 stops it.
    """

    def __init__(self, *, now: datetime | None = None, speed: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._base = now or datetime.now(UTC)
        self._since = time.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        """Its seconds per real second."""
        return self._speed

    def now(self) -> datetime:
        """The moment it shows, UTC."""
        with self._lock:
            return self._now()

    def set(self, *, now: datetime | None = None, speed: float | None = None) -> None:
        """Put it to another moment, let it run at another speed, or both; what is not given stays."""
        with self._lock:
            self._base = now or self._now()
            self._since = time.monotonic()
            if speed is not None:
                self._speed = speed
        for tell in self._listeners:
            tell()

    def advance(self, seconds: float) -> None:
        """Put it on by so many of its seconds."""
        self.set(now=self.now() + timedelta(seconds=seconds))

    def real_seconds_until(self, moment: datetime) -> float:
        """How long a real second hand has to run until then: 0 when it is past, infinite while the clock stands."""
        with self._lock:
            ahead = (moment - self._now()).total_seconds()
            if ahead <= 0:
                return 0.0
            return ahead / self._speed if self._speed else math.inf

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call this whenever the clock is set; it must not block."""
        self._listeners.append(listener)

    def _now(self) -> datetime:
        return self._base + timedelta(seconds=(time.monotonic() - self._since) * self._speed)
