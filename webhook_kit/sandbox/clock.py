"""The sandbox's clock, which can be set, stopped and run faster.

All times in Gett's responses and all waits of Gett (retries, ends of pauses, sessions, tokens, quota) use it. A webhook's
``Timestamp`` uses real time [D], because the partner compares it with its own clock.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock"]


class Clock:
    """A clock that can be set. Thread-safe.

    :param now: its first time, aware; the real time when None.
    :param speed: seconds of the clock per real second; 0 stops it.
    """

    def __init__(self, *, now: datetime | None = None, speed: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._base = now or datetime.now(UTC)
        self._since = time.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        """Seconds of the clock per real second."""
        return self._speed

    def now(self) -> datetime:
        """Return its time, UTC."""
        with self._lock:
            return self._now()

    def set(self, *, now: datetime | None = None, speed: float | None = None) -> None:
        """Set its time, its speed, or both; what is None stays."""
        with self._lock:
            self._base = now or self._now()
            self._since = time.monotonic()
            if speed is not None:
                self._speed = speed
        for listener in self._listeners:
            listener()

    def advance(self, seconds: float) -> None:
        """Advance it by so many of its own seconds."""
        self.set(now=self.now() + timedelta(seconds=seconds))

    def real_seconds_until(self, target: datetime) -> float:
        """Return the real seconds until a time of this clock: 0 if it is past, infinite while the clock is stopped."""
        with self._lock:
            ahead = (target - self._now()).total_seconds()
            if ahead <= 0:
                return 0.0
            return ahead / self._speed if self._speed else math.inf

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever the clock is set; it must not block."""
        self._listeners.append(listener)

    def _now(self) -> datetime:
        return self._base + timedelta(seconds=(time.monotonic() - self._since) * self._speed)
