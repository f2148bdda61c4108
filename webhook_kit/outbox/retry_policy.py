"""Retry policy: the effect of a failed response of Gett on an update.

================================  ====================================================================================
response of Gett                  effect on the update
================================  ====================================================================================
429                               postponed until ``retryAfter``, with all others; the attempt is not counted
408, 425, 5xx, no response        postponed: max(Retry-After, capped exponential delay with jitter); several in a row open
                                  the circuit breaker
404, 409 for a new order          the same: Gett may not have read the response to placeOrder yet
401, 403                          postponed; all sending is halted, so that an invalid API key costs no update
3xx                               postponed like a 5xx, with an alert: ``GETT_API_URL`` is not Gett's address
everything else                   dead-lettered; the lane goes on
================================  ====================================================================================

An update that fails for too long is dead-lettered, too. Waiting for the quota, an open circuit breaker or a shutdown does not
count as an attempt.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from webhook_kit.errors import (
    GettConflict,
    GettError,
    GettNotFound,
    GettPermanent,
    GettRateLimited,
    GettUnauthorized,
)

__all__ = ["FailedUpdate", "RetryDecision", "RetryPolicy"]

_MAX_RETRY_AFTER = 3600.0
"""Seconds that Gett may ask to wait; more is taken for a mistake."""

_HALTED_DELAY = 1.0
"""Seconds before the next look at an update while sending is halted."""


@dataclass(frozen=True, slots=True)
class FailedUpdate:
    """Facts about an update that decide its retry.

    :ivar of_order: True for the progress of an order.
    :ivar age: seconds since it was appended.
    :ivar attempts: counted attempts so far.
    """

    of_order: bool
    age: float
    attempts: int


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """Decision about a failed update.

    :ivar delay: seconds before the next attempt; None makes it a dead letter.
    :ivar counted: True if the attempt counts.
    """

    delay: float | None
    counted: bool = True


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retry policy of the outbox.

    :ivar first_delay: seconds before the second attempt; each further delay is twice as long.
    :ivar max_delay: seconds between two attempts at most (``gett-protocol.md §5``: 1, 2, 4 … at most 30).
    :ivar new_order_period: seconds during which a 404 or 409 may mean that Gett has not read the response to placeOrder yet [D].
    :ivar max_age: seconds after which an update that keeps failing is dead-lettered.
    :ivar min_attempts: attempts before that, at least.
    """

    first_delay: float = 1.0
    max_delay: float = 30.0
    new_order_period: float = 900.0
    max_age: float = 4 * 3600.0
    min_attempts: int = 12

    def decide(self, error: GettError, update: FailedUpdate) -> RetryDecision:
        """Decide if and when an update is sent again."""
        if isinstance(error, GettUnauthorized):
            return RetryDecision(_HALTED_DELAY, counted=False)
        if isinstance(error, GettRateLimited):
            return RetryDecision(self.rate_limited_delay(error), counted=False)
        if isinstance(error, GettNotFound | GettConflict):
            retry = update.of_order and update.age < self.new_order_period
        elif isinstance(error, GettPermanent) and not error.redirected:
            retry = False
        else:
            retry = update.age <= self.max_age or update.attempts < self.min_attempts
        return RetryDecision(self.delay(update.attempts, error.retry_after) if retry else None)

    def decide_without_reason(self, update: FailedUpdate) -> RetryDecision:
        """Decide about an update when the effect of its error could not be recorded."""
        return RetryDecision(self.max_delay if update.attempts < self.min_attempts else None)

    def rate_limited_delay(self, error: GettRateLimited) -> float:
        """Return the seconds to wait after a 429."""
        return min(error.retry_after or self.first_delay, _MAX_RETRY_AFTER)

    def delay(self, attempts: int, retry_after: float | None) -> float:
        """Return the seconds to wait after so many failed attempts."""
        exponential = min(self.max_delay, self.first_delay * 2.0 ** min(attempts, 16))
        jittered = exponential * random.uniform(0.7, 1.0)  # noqa: S311 - spreads load, hides nothing
        return max(min(retry_after or 0.0, _MAX_RETRY_AFTER), jittered)
