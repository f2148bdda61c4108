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
from webhook_kit.outbox import scripts
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["Quota", "SendingState", "SendingStatus"]

log = logger("outbox")

_OPEN_AFTER = 5
"""Failures in a row, over all lanes, that open the circuit."""

_LONGEST_PAUSE_MS = 30_000
"""How long the circuit stays open at most before one send tries again."""

_OBSERVE = (
    scripts.LIBRARY
    + """
-- ARGV: P, event, a, b.
--   answered: failures are over, the circuit closes, a halt is lifted
--   limits: X-RateLimit-Remaining, reset (Unix ms)    blocked: ms    failed: threshold, longest ms    halted: why
local P, gate, now = ARGV[1], ARGV[1] .. 'gate', clock()
if ARGV[2] == 'answered' then
  answered(P)
elseif ARGV[2] == 'limits' then
  local r = redis.call('HMGET', gate, 'left', 'left_until')
  local known, left = tonumber(r[1] or '-1'), tonumber(ARGV[3])
  -- Answers overtake each other: within one window the smallest figure is the newest.
  if r[2] ~= ARGV[4] or left < known then redis.call('HSET', gate, 'left', left, 'left_until', ARGV[4]) end
elseif ARGV[2] == 'blocked' then
  close_circuit(P)
  local until_ = math.max(now + tonumber(ARGV[3]), tonumber(redis.call('HGET', gate, 'blocked_until') or '0'))
  redis.call('HSET', gate, 'blocked_until', ms(until_))
elseif ARGV[2] == 'failed' then
  local open = tonumber(redis.call('HGET', gate, 'open_until') or '0')
  -- What was under way when the circuit opened says nothing new.
  if now < open and redis.call('HDEL', gate, 'probing') == 0 then return 'open' end
  local failures = redis.call('HINCRBY', gate, 'failures', 1)
  if failures >= tonumber(ARGV[3]) then
    local pause = math.min(tonumber(ARGV[4]), 1000 * 2 ^ math.min(failures - tonumber(ARGV[3]), 20))
    redis.call('HSET', gate, 'open_until', ms(now + pause))
    return 'open'
  end
elseif ARGV[2] == 'halted' then
  redis.call('SET', P .. 'halt', ARGV[3])
  redis.call('HSET', gate, 'probe_at', ms(now + 60000))
end
return 'ok'
"""
)
"""What Gett's answers teach about when the next send may go."""


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
        self._observe = connection.register_script(_OBSERVE)

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
            self._tell("limits", max(left, 0), int(reset * 1000))

    def record_rate_limited(self, seconds: float) -> None:
        """Gett asked everybody to wait (429)."""
        self._tell("blocked", int(seconds * 1000))

    def record_failure(self) -> None:
        """Gett could not be reached, or failed; after some in a row the circuit opens."""
        self._tell("failed", _OPEN_AFTER, _LONGEST_PAUSE_MS)

    def record_response(self) -> None:
        """Gett answered: the circuit closes, and a halt is lifted."""
        self._tell("answered")

    def halt(self, why: str) -> None:
        """Gett refuses our key: nothing is sent but one attempt a minute."""
        self._tell("halted", why)

    def halt_reason(self) -> str | None:
        """Why nothing is sent, or None."""
        return text(self._redis.get(f"{self._keys.prefix}halt")) or None

    def status(self, quota: Quota) -> SendingStatus:
        """What holds sending back now, for people."""
        seconds, micros = self._redis.time()
        now = seconds * 1000 + micros / 1000
        until = self._redis.hmget(f"{self._keys.prefix}gate", "blocked_until", "open_until")
        blocked, open_ = (max(0.0, (float(moment or 0) - now) / 1000) for moment in until)
        sends = self._redis.lrange(f"{self._keys.prefix}sends", 0, -1)
        used = sum(now - float(moment) < quota.window_ms for moment in sends)
        return SendingStatus(self.halt_reason(), blocked, open_, used)

    def _tell(self, event: str, *figures: str | int) -> None:
        self._observe(args=[self._keys.prefix, event, *figures])
