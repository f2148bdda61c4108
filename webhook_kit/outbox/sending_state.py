"""State of sending, shared by all processes: circuit breaker, halt, rate limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import redis

from webhook_kit.logs import logger
from webhook_kit.outbox.quota import Quota
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["SendingState", "SendingStatus"]

log = logger("outbox")

_FAILURE_THRESHOLD = 5
"""Failures in a row, over all lanes, that open the circuit breaker."""

_MOST_REMAINING = 1_000_000
"""Writes that Gett may report as left; more is the same as unlimited."""

_LONGEST_OPEN_MS = 30_000
"""Milliseconds for which the circuit breaker stays open at most, before one update tries again."""

_LATEST_RESET = 1e11
"""Unix seconds that no moment of a window reaches."""


@dataclass(frozen=True, slots=True)
class SendingStatus:
    """State of sending, for people.

    :ivar halted: the reason for which Gett refuses the API key, or None.
    :ivar rate_limited: seconds for which Gett asked to wait (429); 0 if it did not.
    :ivar circuit_open: seconds for which the circuit breaker stays open; 0 if it is closed.
    :ivar used: writes in the quota's last window.
    :ivar halted_since: the moment of the first refusal in a row, Unix seconds; None if sending is not halted.
    :ivar failing_since: the moment at which the circuit breaker opened, Unix seconds; None if Gett has answered since.
    """

    halted: str | None
    rate_limited: float
    circuit_open: float
    used: int
    halted_since: float | None = None
    failing_since: float | None = None


class SendingState:
    """Circuit breaker, halt and rate limits of sending; shared by all processes.

    :param api_key_id: id of this process's API key. A halt belongs to the key that Gett refused, so that a right one sends at once.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, api_key_id: str = "") -> None:
        self._api_key_id = api_key_id
        self._redis = connection
        self._keys = keys
        self._script = Script(connection, keys, "webhook_kit.outbox/record")

    def record_rate_limit_headers(self, status: int, headers: Mapping[str, str]) -> None:
        """Record a response's ``X-RateLimit-Remaining`` and ``X-RateLimit-Reset`` (Unix seconds)."""
        if "X-RateLimit-Remaining" not in headers:
            return
        try:
            self._record_limits(headers)
        except Exception as error:  # noqa: BLE001 - the call was made: its outcome must not depend on these figures
            log.warning("rate_limit_headers_not_recorded", status=status, error=type(error).__name__)

    def _record_limits(self, headers: Mapping[str, str]) -> None:
        try:
            remaining, reset = int(headers["X-RateLimit-Remaining"]), float(headers["X-RateLimit-Reset"])
        except (KeyError, ValueError):
            return
        if 0 < reset < _LATEST_RESET:
            self._record("limits", remaining=min(max(remaining, 0), _MOST_REMAINING), reset=int(reset * 1000))

    def record_rate_limited(self, seconds: float) -> None:
        """Record that Gett asked to wait (429)."""
        self._record("rate_limited", wait=int(seconds * 1000))

    def record_failure(self) -> None:
        """Record that Gett was not reachable, or failed; several failures in a row open the circuit breaker."""
        self._record("failure", threshold=_FAILURE_THRESHOLD, longest=_LONGEST_OPEN_MS)

    def record_response(self) -> None:
        """Record that Gett responded and accepted the API key: close the circuit breaker, and end a halt."""
        self._record("response")

    def halt(self, reason: str) -> None:
        """Halt sending with this API key, because Gett refuses it; one update a minute tries again."""
        self._record("halt", reason=reason)

    def try_again_now(self) -> None:
        """Let one update try every refused API key at once."""
        for name in map(text, self._redis.hkeys(self._keys.halt)):
            if name.endswith(":probe_at"):
                self._redis.hdel(self._keys.halt, name)

    def halt_reason(self) -> str | None:
        """Return the reason for which Gett refuses this process's API key, or None.

        A process without a key returns the reason for any other key.
        """
        return self._halt()[0]

    def _halt(self) -> tuple[str | None, float | None]:
        """Return the reason of a halt, and since when, in ms."""
        key = self._api_key_id
        if not key:
            names = map(text, self._redis.hkeys(self._keys.halt))
            key = next((name for name in names if not name.endswith((":probe_at", ":since"))), "")
        reason, since = map(text, self._redis.hmget(self._keys.halt, key, f"{key}:since"))
        return reason or None, float(since) if reason and since else None

    def status(self, quota: Quota) -> SendingStatus:
        """Return the state of sending, for people."""
        now = redis_time(self._redis) * 1000
        *times, opened = self._redis.hmget(self._keys.sending, "blocked_until", "open_until", "opened_at")
        rate_limited, circuit_open = (max(0.0, (float(moment or 0) - now) / 1000) for moment in times)
        halted, halted_since = self._halt()
        sends = self._redis.lrange(self._keys.sends, 0, -1)
        used = sum(now - float(moment) < quota.window_ms for moment in sends)
        return SendingStatus(
            halted,
            rate_limited,
            circuit_open,
            used,
            halted_since and halted_since / 1000,
            float(opened) / 1000 if opened else None,
        )

    def _record(self, event: str, **details: str | int) -> None:
        self._script(self._keys.sending, event=event, key=self._api_key_id, **details)
