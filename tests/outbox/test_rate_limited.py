"""Writes outside the lanes draw on the quota that the updates draw on."""

from __future__ import annotations

import time

import pytest
import redis

from tests.outbox.outbox_env import LEASE_MS, Workbench
from webhook_kit.errors import GettConflict, GettRateLimited, GettUnauthorized, GettUnreachable
from webhook_kit.outbox.lanes import LeaseStatus
from webhook_kit.outbox.quota import Quota
from webhook_kit.outbox.rate_limited import RateLimitedClient


def writes(bench: Workbench, quota: Quota | None = None) -> RateLimitedClient:
    return RateLimitedClient(bench.redis, bench.keys, bench.gate, quota or bench.quota)


def booked(bench: Workbench) -> int:
    return int(bench.redis.llen(bench.keys.sends))


def test_a_direct_write_uses_one_of_the_quota(bench: Workbench) -> None:
    assert writes(bench, Quota(10)).call(lambda: "done") == "done"
    assert booked(bench) == 1


def test_it_waits_for_the_quota_that_others_have_used(bench: Workbench) -> None:
    few = writes(bench, Quota(1, 200))
    few.call(lambda: None)
    began = time.monotonic()
    few.call(lambda: None)
    assert time.monotonic() - began >= 0.19
    # Counted from its answer on, so the window of 200 ms holds one.
    assert booked(bench) == 1


def test_it_gives_up_when_no_room_will_come_in_time(bench: Workbench) -> None:
    few = writes(bench, Quota(1))
    few.call(lambda: None)
    with pytest.raises(GettRateLimited, match="used up for another"):
        few.call(lambda: pytest.fail("called without a quota"), patience=0.5)


def test_the_share_of_urgent_updates_is_left_alone(bench: Workbench) -> None:
    many = writes(bench, Quota(100))
    for _ in range(97):
        many.call(lambda: None)
    with pytest.raises(GettRateLimited):
        many.call(lambda: None, patience=0.1)


def test_a_429_is_repeated_and_holds_everybody_back(bench: Workbench) -> None:
    answers = iter([GettRateLimited("slow down", retry_after=0.2), None])

    def write() -> str:
        if (error := next(answers)) is not None:
            raise error
        return "done"

    assert writes(bench, Quota(10)).call(write) == "done"
    assert booked(bench) == 2


def test_a_429_that_lasts_is_raised(bench: Workbench) -> None:
    def write() -> None:
        raise GettRateLimited("slow down", retry_after=60)

    with pytest.raises(GettRateLimited):
        writes(bench).call(write, patience=1)
    bench.order("1", "confirmed")
    assert bench.lanes.lease(1, LEASE_MS).verdict is LeaseStatus.BLOCKED


def test_a_refused_key_stops_all_sending_and_a_call_that_succeeds_lets_it_go_on(bench: Workbench) -> None:
    def refused() -> None:
        raise GettUnauthorized("401", status=401)

    direct = writes(bench)
    with pytest.raises(GettUnauthorized):
        direct.call(refused)
    bench.order("1", "confirmed")
    assert bench.lanes.lease(1, LEASE_MS).verdict is LeaseStatus.HALTED
    direct.call(lambda: None)
    assert bench.lanes.lease(1, LEASE_MS).verdict is LeaseStatus.SEND


@pytest.mark.parametrize("error", [GettUnreachable("away"), GettConflict("409", status=409)])
def test_any_other_failure_is_the_callers_to_judge_and_made_once(bench: Workbench, error: Exception) -> None:
    calls = []

    def write() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        writes(bench).call(write)
    assert len(calls) == 1


def test_what_gett_answered_is_not_lost_when_redis_goes_away_meanwhile(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = writes(bench, Quota(10))

    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError("gone")

    def write() -> str:
        monkeypatch.setattr(direct, "_move_place", away)
        monkeypatch.setattr(bench.gate, "record_response", away)
        return "onboarding-1"

    assert direct.call(write) == "onboarding-1"
