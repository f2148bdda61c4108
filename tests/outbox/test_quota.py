"""The quota of writes per window: never exceeded, paced, with a reserve for urgent updates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outbox.outbox_env import HOUR, LEASE_MS, OutboxEnv, check_counts
from webhook_kit.gett.http import ApiResponse
from webhook_kit.outbox.lanes import LeaseStatus
from webhook_kit.outbox.quota import Quota
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.redis_server import RedisServer

WINDOW_MS = 200


def append_orders(outbox: OutboxEnv, count: int, *, urgent: bool = False) -> None:
    """Append an update of so many new orders."""
    for _ in range(count):
        ref = str(outbox.lanes.counts().get("appended", 0))
        outbox.append_order(ref, "cancelled" if urgent else "ready")


def send_now(outbox: OutboxEnv) -> int:
    """Send everything that may be sent at this moment. Return the number of sends."""
    count = 0
    while leases := outbox.lease(50):
        for lease in leases:
            outbox.lanes.acknowledge(lease, 202)
        count += len(leases)
    return count


@pytest.mark.parametrize(
    ("limit", "reserve", "burst"),
    [(0, 0, 1), (1, 0, 1), (2, 1, 1), (19, 1, 1), (20, 1, 2), (66, 1, 6), (67, 2, 6), (100, 3, 10), (300, 9, 30)],
)
def test_reserve_and_burst_are_shares_of_the_limit(limit: int, reserve: int, burst: int) -> None:
    expected = {"limit": limit, "window": 60_000, "reserve": reserve, "burst": burst}
    assert Quota(limit).script_argument == expected


# -- the window --------------------------------------------------------------------------------------------------------


class SendLog:
    """The moments of all sends, on a clock that is ahead of Redis by the time that was skipped."""

    def __init__(self, outbox: OutboxEnv) -> None:
        self.outbox = outbox
        self.ahead = 0.0
        self.moments: list[float] = []

    def skip(self, milliseconds: float) -> None:
        self.outbox.skip_time(milliseconds)
        self.ahead += milliseconds

    def send(self, limit: int) -> float:
        """Send up to so many updates. Return 0, or the seconds to wait if nothing was sent."""
        result = self.outbox.lanes.lease(limit, LEASE_MS)
        entries = self.outbox.redis.lrange(self.outbox.keys.sends, 0, len(result.leases) - 1)
        self.moments += [float(moment) + self.ahead for moment in reversed(entries if result.leases else [])]
        for lease in result.leases:
            self.outbox.lanes.acknowledge(lease, 202)
        return 0.0 if result.leases else result.wait

    def most_in_a_window(self) -> int:
        # A moment survives its trips through Redis to a thousandth of a millisecond.
        width = WINDOW_MS - 0.01
        return max((sum(start <= m < start + width for m in self.moments) for start in self.moments), default=0)


arrivals = st.lists(
    st.tuples(
        st.floats(0, 150),  # milliseconds since the last arrival
        st.integers(0, 6),  # orders
        st.integers(0, 3),  # cancellations
        st.integers(1, 20),  # leases that a worker asks for at most
    ),
    min_size=1,
    max_size=25,
)


@contextmanager
def fresh(server: RedisServer, quota: Quota) -> Iterator[OutboxEnv]:
    outbox = OutboxEnv(server, quota=quota)
    try:
        yield outbox
        outbox.check_invariants()
    finally:
        outbox.close()


@settings(max_examples=40, deadline=None)
@given(limit=st.integers(1, 12), pattern=arrivals)
def test_no_window_ever_holds_more_sends_than_the_quota(
    redis_server: RedisServer, limit: int, pattern: list[tuple[float, int, int, int]]
) -> None:
    with fresh(redis_server, Quota(limit, WINDOW_MS)) as outbox:
        log = SendLog(outbox)
        for gap, calm, urgent, limit_of_lease in pattern:
            log.skip(gap)
            append_orders(outbox, calm)
            append_orders(outbox, urgent, urgent=True)
            log.send(limit_of_lease)
        assert log.most_in_a_window() <= limit


@settings(max_examples=15, deadline=None)
@given(limit=st.integers(1, 12), calm=st.integers(0, 15), urgent=st.integers(0, 15))
def test_a_send_succeeds_after_the_returned_wait_and_everything_is_sent_finally(
    redis_server: RedisServer, limit: int, calm: int, urgent: int
) -> None:
    with fresh(redis_server, Quota(limit, WINDOW_MS)) as outbox:
        log = SendLog(outbox)
        append_orders(outbox, calm)
        append_orders(outbox, urgent, urgent=True)
        while sum(outbox.queue_lengths().values()):
            if wait := log.send(50):
                log.skip(wait * 1000 + 0.1)
                assert log.send(1) == 0.0
        assert log.most_in_a_window() <= limit
        check_counts(outbox.lanes.counts(), {})


def test_a_send_counts_until_exactly_one_window_later(outbox: OutboxEnv) -> None:
    outbox.set_quota(1, HOUR)
    append_orders(outbox, 2, urgent=True)
    assert send_now(outbox) == 1
    outbox.skip_time(HOUR - 120_000)  # a busy machine may take a while from the send to here
    assert outbox.lease_status() is LeaseStatus.PACED
    outbox.skip_time(120_001)
    assert send_now(outbox) == 1


def test_as_many_sends_are_remembered_as_the_quota_allows(outbox: OutboxEnv) -> None:
    outbox.set_quota(3)
    append_orders(outbox, 9, urgent=True)
    for _ in range(2):
        assert send_now(outbox) == 3
        assert outbox.redis.llen(outbox.keys.sends) == 3
        outbox.skip_time(60_001)


def test_a_send_counts_from_its_answer(outbox: OutboxEnv) -> None:
    outbox.set_quota(1)
    append_orders(outbox, 2, urgent=True)
    lease = outbox.lease_one()
    (begun,) = outbox.redis.lrange(outbox.keys.sends, 0, -1)
    wait_until(lambda: outbox.now() > float(begun) + 1)
    assert outbox.lanes.acknowledge(lease, 202)
    (answered,) = outbox.redis.lrange(outbox.keys.sends, 0, -1)
    assert float(answered) > float(begun)


def test_a_failed_send_counts_towards_the_quota(outbox: OutboxEnv) -> None:
    outbox.set_quota(1)
    append_orders(outbox, 1)
    outbox.lanes.postpone(outbox.lease_one(), 0, "503", charge=True)
    assert outbox.lease_status() is LeaseStatus.PACED


def test_all_processes_share_the_quota(outbox: OutboxEnv) -> None:
    outbox.set_quota(10)
    append_orders(outbox, 40, urgent=True)
    another = outbox.make_lanes(Quota(10))
    leased = [len(lanes.lease(3, LEASE_MS).leases) for lanes in (outbox.lanes, another) * 3]
    assert sum(leased) == 10


def test_a_limit_of_zero_switches_the_quota_off(outbox: OutboxEnv) -> None:
    outbox.set_quota(0)
    append_orders(outbox, 300)
    assert send_now(outbox) == 300
    assert not outbox.redis.exists(outbox.keys.sends)


# -- the reserve for urgent updates -------------------------------------------------------------------------------------


def test_a_reserve_is_kept_for_urgent_updates(outbox: OutboxEnv) -> None:
    outbox.set_quota(100, HOUR)
    append_orders(outbox, 120)
    sent = 0
    for _ in range(70):  # nearly a window, in steps that pacing allows
        sent += send_now(outbox)
        outbox.skip_time(48_000)
    assert sent == 97
    assert outbox.lease_status() is LeaseStatus.PACED
    append_orders(outbox, 5, urgent=True)
    assert send_now(outbox) == 3


def test_urgent_updates_are_not_paced(outbox: OutboxEnv) -> None:
    outbox.set_quota(100)
    append_orders(outbox, 101, urgent=True)
    assert send_now(outbox) == 100


# -- pacing ------------------------------------------------------------------------------------------------------------


def test_a_backlog_is_sent_evenly_after_a_short_burst(outbox: OutboxEnv) -> None:
    outbox.set_quota(100, HOUR)
    append_orders(outbox, 60)
    assert send_now(outbox) == 10
    result = outbox.lanes.lease(1, LEASE_MS)
    assert result.status is LeaseStatus.PACED
    assert 0 < result.wait <= 36
    outbox.skip_time(360_000)
    assert send_now(outbox) == 10


def test_idle_time_allows_no_more_than_one_burst(outbox: OutboxEnv) -> None:
    outbox.set_quota(100, HOUR)
    append_orders(outbox, 1)
    assert send_now(outbox) == 1
    outbox.skip_time(HOUR)
    append_orders(outbox, 60)
    assert send_now(outbox) == 10


# -- Gett's headers ----------------------------------------------------------------------------------------------------


def rate_limit_headers(remaining: object, seconds: float = 3000) -> dict[str, str]:
    return {"X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": str(int(time.time() + seconds))}


def test_writes_of_other_systems_in_getts_headers_count_towards_the_quota(outbox: OutboxEnv) -> None:
    outbox.set_quota(100)
    outbox.sending.record_rate_limit_headers(202, rate_limit_headers(2))
    append_orders(outbox, 5, urgent=True)
    assert send_now(outbox) == 2
    result = outbox.lanes.lease(1, LEASE_MS)
    assert result.status is LeaseStatus.PACED
    assert 2900 < result.wait <= 3000
    outbox.skip_time(3_001_000)
    assert send_now(outbox) == 3


def test_the_client_records_rate_limit_headers(outbox: OutboxEnv) -> None:
    outbox.set_quota(100)
    append_orders(outbox, 3, urgent=True)
    assert (
        outbox.send_all(
            ApiResponse(
                202, {"x-ratelimit-remaining": "1", "x-ratelimit-reset": rate_limit_headers(1)["X-RateLimit-Reset"]}
            )
        )
        == 2
    )


def test_a_late_response_does_not_raise_the_remaining_writes(outbox: OutboxEnv) -> None:
    outbox.set_quota(100)
    late = rate_limit_headers(9)
    outbox.sending.record_rate_limit_headers(202, late | {"X-RateLimit-Remaining": "2"})
    outbox.sending.record_rate_limit_headers(202, late)
    assert outbox.sending_field("remaining") == "2"


def test_a_new_window_starts_with_getts_figures(outbox: OutboxEnv) -> None:
    outbox.set_quota(100)
    outbox.sending.record_rate_limit_headers(202, rate_limit_headers(0, 1000))
    outbox.sending.record_rate_limit_headers(202, rate_limit_headers(50, 1060))
    append_orders(outbox, 20, urgent=True)
    assert send_now(outbox) == 20


def test_invalid_rate_limit_headers_are_ignored(outbox: OutboxEnv) -> None:
    outbox.set_quota(100)
    for headers in (
        {"X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Remaining": "none", "X-RateLimit-Reset": "soon"},
        rate_limit_headers(0, -5),
        rate_limit_headers(0, 86_400),
        {"X-RateLimit-Reset": rate_limit_headers(0)["X-RateLimit-Reset"]},
    ):
        outbox.sending.record_rate_limit_headers(202, headers)
    append_orders(outbox, 3)
    assert send_now(outbox) == 3


def test_getts_headers_never_raise_the_configured_quota(outbox: OutboxEnv) -> None:
    outbox.set_quota(2)
    outbox.sending.record_rate_limit_headers(202, rate_limit_headers(1000))
    append_orders(outbox, 5, urgent=True)
    assert send_now(outbox) == 2
