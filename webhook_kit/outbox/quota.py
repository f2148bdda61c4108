"""The quota: Gett's writes per minute, shared by every process of the organisation (``gett-protocol.md §5``).

An exact sliding window: the moments of the last sends are in Redis, and no window ever holds more of them than the quota.
While work waits, sending is paced evenly instead of in bursts, and a small share is kept for urgent updates, so that a
cancellation does not wait for a window to pass. What Gett's own headers say corrects it, because others may use the same quota.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import redis

from webhook_kit.logs import logger
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable
from webhook_kit.storage.scripts import Script

__all__ = ["Quota", "SendingState", "SendingStatus"]

log = logger("outbox")

_OPEN_AFTER = 5
"""Failures in a row, over all lanes, that open the circuit."""

_LONGEST_PAUSE_MS = 30_000
"""How long the circuit stays open at most before one send tries again."""


@dataclass(frozen=True, slots=True)
class Quota:
    """So many sends in so long.

    :ivar limit: writes per window; 0 switches the quota off.
    """

    limit: int
    window_ms: int = 60_000

    @property
    def spare(self) -> int:
        """Writes per window that only urgent updates may use."""
        return max(1, self.limit * 3 // 100) if self.limit > 1 else 0

    @property
    def burst(self) -> int:
        """Sends that may go at once before pacing begins."""
        return max(1, self.limit // 10)

    @property
    def arguments(self) -> dict[str, Packable]:
        """The quota as the scripts of the outbox take it."""
        return {"limit": self.limit, "window": self.window_ms, "spare": self.spare, "burst": self.burst}


@dataclass(frozen=True, slots=True)
class SendingStatus:
    """What holds sending back now.

    :ivar halted: why Gett refuses the key, or None.
    :ivar blocked: seconds for which Gett asked everybody to wait (429); 0 when it did not.
    :ivar open: seconds for which the circuit stays open; 0 when it is closed.
    :ivar used: writes of the quota's last window.
    """

    halted: str | None
    blocked: float
    open: float
    used: int


class SendingState:
    """What Gett's answers teach about when the next send may go; shared by all processes."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys
        self._record = Script(connection, keys, "webhook_kit.outbox/record")

    def record_rate_limit_headers(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer's ``X-RateLimit-Remaining`` and ``X-RateLimit-Reset`` (Unix seconds)."""
        if "X-RateLimit-Remaining" not in headers:
            return
        try:
            self._limits(headers)
        except redis.RedisError as error:
            log.warning("limits not noted", status=status, error=type(error).__name__)

    def _limits(self, headers: Mapping[str, str]) -> None:
        try:
            left, reset = int(headers["X-RateLimit-Remaining"]), float(headers["X-RateLimit-Reset"])
        except (KeyError, ValueError):
            return
        if 0 < reset - time.time() < 3600:  # a reset that is past, or absurd, teaches nothing
            self._tell("limits", remaining=max(left, 0), reset=int(reset * 1000))

    def record_rate_limited(self, seconds: float) -> None:
        """Gett asked everybody to wait (429)."""
        self._tell("rate_limited", wait=int(seconds * 1000))

    def record_failure(self) -> None:
        """Gett could not be reached, or failed; after some in a row the circuit opens."""
        self._tell("failure", threshold=_OPEN_AFTER, longest=_LONGEST_PAUSE_MS)

    def record_response(self) -> None:
        """Gett answered: the circuit closes, and a halt is lifted."""
        self._tell("response")

    def halt(self, why: str) -> None:
        """Gett refuses our key: nothing is sent but one attempt a minute."""
        self._tell("halt", reason=why)

    def halt_reason(self) -> str | None:
        """Why nothing is sent, or None."""
        return text(self._redis.get(self._keys.halt)) or None

    def status(self, quota: Quota) -> SendingStatus:
        """What holds sending back now, for people."""
        now = redis_time(self._redis) * 1000
        until = self._redis.hmget(self._keys.sending, "blocked_until", "open_until")
        blocked, open_ = (max(0.0, (float(moment or 0) - now) / 1000) for moment in until)
        sends = self._redis.lrange(self._keys.sends, 0, -1)
        used = sum(now - float(moment) < quota.window_ms for moment in sends)
        return SendingStatus(self.halt_reason(), blocked, open_, used)

    def _tell(self, event: str, **details: str | int) -> None:
        self._record(self._keys.sending, event=event, **details)
