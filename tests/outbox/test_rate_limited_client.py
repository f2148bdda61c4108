"""Writes outside the lanes, under the same quota as the updates."""

from __future__ import annotations

import time

import pytest
import redis

from tests.outbox.outbox_env import LEASE_MS, OutboxEnv
from webhook_kit.errors import GettConflict, GettRateLimited, GettUnauthorized, GettUnreachable
from webhook_kit.outbox.lanes import LeaseStatus
from webhook_kit.outbox.quota import Quota
from webhook_kit.outbox.rate_limited_client import RateLimitedClient


def make_client(outbox: OutboxEnv, quota: Quota | None = None) -> RateLimitedClient:
    return RateLimitedClient(outbox.redis, outbox.keys, outbox.sending, quota or outbox.quota)


def sends_in_window(outbox: OutboxEnv) -> int:
    return int(outbox.redis.llen(outbox.keys.sends))


def test_a_call_counts_towards_the_quota(outbox: OutboxEnv) -> None:
    assert make_client(outbox, Quota(10)).call(lambda: "done") == "done"
    assert sends_in_window(outbox) == 1


def test_a_call_waits_while_the_quota_is_used_up(outbox: OutboxEnv) -> None:
    client = make_client(outbox, Quota(1, 200))
    client.call(lambda: None)
    began = time.monotonic()
    client.call(lambda: None)
    assert time.monotonic() - began >= 0.19
    # Counted from its response on, so the window of 200 ms holds one.
    assert sends_in_window(outbox) == 1


def test_a_call_raises_when_the_quota_stays_used_up(outbox: OutboxEnv) -> None:
    client = make_client(outbox, Quota(1))
    client.call(lambda: None)
    with pytest.raises(GettRateLimited, match="used up for another"):
        client.call(lambda: pytest.fail("called without a quota"), timeout=0.5)


def test_a_call_does_not_use_the_reserve_for_urgent_updates(outbox: OutboxEnv) -> None:
    client = make_client(outbox, Quota(100))
    for _ in range(97):
        client.call(lambda: None)
    with pytest.raises(GettRateLimited):
        client.call(lambda: None, timeout=0.1)


def test_a_call_is_repeated_after_a_429(outbox: OutboxEnv) -> None:
    answers = iter([GettRateLimited("slow down", retry_after=0.2), None])

    def write() -> str:
        if (error := next(answers)) is not None:
            raise error
        return "done"

    assert make_client(outbox, Quota(10)).call(write) == "done"
    assert sends_in_window(outbox) == 2


def test_a_call_raises_a_429_that_lasts_and_sending_waits_for_it(outbox: OutboxEnv) -> None:
    def write() -> None:
        raise GettRateLimited("slow down", retry_after=60)

    with pytest.raises(GettRateLimited):
        make_client(outbox).call(write, timeout=1)
    outbox.append_order("1", "confirmed")
    assert outbox.lanes.lease(1, LEASE_MS).status is LeaseStatus.RATE_LIMITED


def test_a_refused_key_halts_sending_and_a_successful_call_ends_the_halt(outbox: OutboxEnv) -> None:
    def refused() -> None:
        raise GettUnauthorized("401", status=401)

    client = make_client(outbox)
    with pytest.raises(GettUnauthorized):
        client.call(refused)
    outbox.append_order("1", "confirmed")
    assert outbox.lanes.lease(1, LEASE_MS).status is LeaseStatus.HALTED
    client.call(lambda: None)
    assert outbox.lanes.lease(1, LEASE_MS).status is LeaseStatus.LEASED


@pytest.mark.parametrize("error", [GettUnreachable("no route"), GettConflict("409", status=409)])
def test_any_other_failure_is_raised_without_a_second_call(outbox: OutboxEnv, error: Exception) -> None:
    calls = []

    def write() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        make_client(outbox).call(write)
    assert len(calls) == 1


def test_a_response_is_returned_although_redis_fails_meanwhile(
    outbox: OutboxEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(outbox, Quota(10))

    def fail(*_: object, **__: object) -> None:
        raise redis.ConnectionError("connection refused")

    def write() -> str:
        monkeypatch.setattr(client, "_move_place", fail)
        monkeypatch.setattr(outbox.sending, "record_response", fail)
        return "onboarding-1"

    assert client.call(write) == "onboarding-1"
