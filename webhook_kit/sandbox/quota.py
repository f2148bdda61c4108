"""Gett's quota: calls a minute for the whole partner organisation (``gett-protocol.md §5``)."""

from __future__ import annotations

import math
import threading
import time
from datetime import datetime, timedelta
from typing import NamedTuple

from webhook_kit.sandbox.clock import Clock

__all__ = ["CallQuota", "Grant"]

_WINDOW = timedelta(seconds=60)


class Grant(NamedTuple):
    """Result of counting one call.

    :ivar remaining: calls left in this window; negative if this call exceeds the quota.
    :ivar seconds: real seconds until the next window.
    """

    remaining: int
    seconds: float

    def headers(self) -> dict[str, str]:
        """Return ``X-RateLimit-Remaining`` and ``X-RateLimit-Reset``, the latter in Unix seconds of real time."""
        return {
            "X-RateLimit-Remaining": str(max(0, self.remaining)),
            "X-RateLimit-Reset": str(math.ceil(time.time() + self.seconds)),
        }


class CallQuota:
    """Windows of one minute on the sandbox's clock; each begins with its first call [D]."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[datetime, int]] = {}

    def take(self, kind: str, limit: int) -> Grant:
        """Count a call of a kind; a refused one does not count [D]."""
        now = self._clock.now()
        with self._lock:
            start, used = self._windows.get(kind, (now, 0))
            if not start <= now < start + _WINDOW:
                start, used = now, 0
            remaining = limit - used - 1
            self._windows[kind] = start, min(used + 1, limit)
        seconds = self._clock.real_seconds_until(start + _WINDOW)
        return Grant(remaining, min(seconds, _WINDOW.total_seconds()))

    def reset(self) -> None:
        """Start a new window for every kind."""
        with self._lock:
            self._windows.clear()
