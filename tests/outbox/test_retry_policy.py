"""Retry policy: the effect of each failed response on an update."""

from __future__ import annotations

import pytest

from webhook_kit.errors import (
    GettConflict,
    GettError,
    GettNotFound,
    GettRateLimited,
    GettRejected,
    GettUnauthorized,
    GettUnavailable,
    GettUnreachable,
)
from webhook_kit.outbox.retry_policy import FailedUpdate, RetryPolicy

POLICY = RetryPolicy(new_order_period=900, max_age=3600, min_attempts=12)
NEW, OLD, EXHAUSTED = FailedUpdate(True, 10, 1), FailedUpdate(True, 1000, 20), FailedUpdate(True, 4000, 12)


@pytest.mark.parametrize("update", [NEW, OLD, EXHAUSTED])
@pytest.mark.parametrize("error", [GettUnauthorized("401"), GettRateLimited("429", retry_after=7)])
def test_a_refused_key_and_the_quota_cost_no_attempt(error: GettError, update: FailedUpdate) -> None:
    decision = POLICY.decide(error, update)
    assert decision.delay == (error.retry_after or 1.0)
    assert not decision.counted


@pytest.mark.parametrize("error", [GettNotFound("404"), GettConflict("409")])
def test_404_and_409_are_retried_while_the_order_is_new(error: GettError) -> None:
    assert POLICY.decide(error, NEW).delay is not None
    assert POLICY.decide(error, OLD).delay is None
    assert POLICY.decide(error, FailedUpdate(False, 10, 1)).delay is None, "a store's status is no new order"


@pytest.mark.parametrize("error", [GettUnavailable("503"), GettUnreachable("refused"), GettError("not sent")])
def test_a_failure_is_retried_until_age_and_attempts_are_used_up(error: GettError) -> None:
    assert POLICY.decide(error, NEW).counted
    assert POLICY.decide(error, OLD).delay is not None
    assert POLICY.decide(error, FailedUpdate(True, 4000, 11)).delay is not None, "too few attempts"
    assert POLICY.decide(error, EXHAUSTED).delay is None


def test_a_rejected_update_is_a_dead_letter_at_once() -> None:
    assert POLICY.decide(GettRejected("422"), NEW).delay is None


def test_retry_delays_double_up_to_a_limit_with_jitter() -> None:
    policy = RetryPolicy()
    for attempts, longest in enumerate((1, 2, 4, 8, 16, 30, 30)):
        delays = {policy.delay(attempts, None) for _ in range(50)}
        assert len(delays) > 1
        assert all(0.7 * longest <= seconds <= longest for seconds in delays)


def test_retry_after_is_respected_up_to_an_hour() -> None:
    assert RetryPolicy().delay(0, 90.0) == 90.0
    assert RetryPolicy().delay(0, 1e9) == 3600.0
    assert RetryPolicy().delay(10, 0.0) > 20
