"""Gett's writes per window: never one too many, and the urgent ones never behind the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outbox.outbox_env import HOUR, LEASE_MS, Workbench, check_accounts
from webhook_kit.gett.http import ApiResponse
from webhook_kit.outbox.lanes import LeaseStatus
from webhook_kit.outbox.quota import Quota
from webhook_kit.testing.redis_server import RedisServer

WINDOW_MS = 200


def orders(bench: Workbench, count: int, *, urgent: bool = False) -> None:
    """Updates of so many new orders."""
    for _ in range(count):
        ref = str(bench.lanes.counts().get("appended", 0))
        bench.order(ref, "cancelled" if urgent else "ready")


def sent_at_once(bench: Workbench) -> int:
    """Send what may be sent at this moment."""
    count = 0
    while leases := bench.lease(50):
        for lease in leases:
            bench.lanes.acknowledge(lease, 202)
        count += len(leases)
    return count


# -- the window --------------------------------------------------------------------------------------------------------


class Log:
    """The booked moments of all sends, on a clock that runs as far ahead of Redis as was skipped."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.ahead = 0.0
        self.moments: list[float] = []

    def skip(self, milliseconds: float) -> None:
        self.bench.skip(milliseconds)
        self.ahead += milliseconds

    def send(self, want: int) -> float:
        """Send up to so many; return the wait that was asked for when there was none."""
        found = self.bench.lanes.lease(want, LEASE_MS)
        booked = self.bench.redis.lrange(self.bench.keys.sends, 0, len(found.leases) - 1)
        self.moments += [float(moment) + self.ahead for moment in reversed(booked if found.leases else [])]
        for lease in found.leases:
            self.bench.lanes.acknowledge(lease, 202)
        return 0.0 if found.leases else found.wait

    def most_in_a_window(self) -> int:
        # A moment survives its trips through Redis to a thousandth of a millisecond.
        width = WINDOW_MS - 0.01
        return max((sum(start <= m < start + width for m in self.moments) for start in self.moments), default=0)


arrivals = st.lists(
    st.tuples(
        st.floats(0, 150),  # milliseconds since the last arrival
        st.integers(0, 6),  # orders
        st.integers(0, 3),  # cancellations
        st.integers(1, 20),  # how many a worker asks for
    ),
    min_size=1,
    max_size=25,
)


@contextmanager
def fresh(server: RedisServer, quota: Quota) -> Iterator[Workbench]:
    bench = Workbench(server, quota=quota)
    try:
        yield bench
        bench.check()
    finally:
        bench.close()


@settings(max_examples=40, deadline=None)
@given(limit=st.integers(1, 12), pattern=arrivals)
def test_no_window_ever_holds_more_sends_than_the_quota(
    redis_server: RedisServer, limit: int, pattern: list[tuple[float, int, int, int]]
) -> None:
    with fresh(redis_server, Quota(limit, WINDOW_MS)) as bench:
        log = Log(bench)
        for gap, calm, urgent, want in pattern:
            log.skip(gap)
            orders(bench, calm)
            orders(bench, urgent, urgent=True)
            log.send(want)
        assert log.most_in_a_window() <= limit


@settings(max_examples=15, deadline=None)
@given(limit=st.integers(1, 12), calm=st.integers(0, 15), urgent=st.integers(0, 15))
def test_whoever_waits_as_long_as_told_can_send_and_everything_is_sent_in_the_end(
    redis_server: RedisServer, limit: int, calm: int, urgent: int
) -> None:
    with fresh(redis_server, Quota(limit, WINDOW_MS)) as bench:
        log = Log(bench)
        orders(bench, calm)
        orders(bench, urgent, urgent=True)
        while sum(bench.queues().values()):
            if wait := log.send(50):
                log.skip(wait * 1000 + 0.1)
                assert log.send(1) == 0.0
        assert log.most_in_a_window() <= limit
        check_accounts(bench.lanes.counts(), {})


def test_a_send_counts_until_exactly_one_window_later(bench: Workbench) -> None:
    bench.limit(1)
    orders(bench, 2, urgent=True)
    assert sent_at_once(bench) == 1
    bench.skip(59_000)
    assert bench.verdict() is LeaseStatus.WAIT
    bench.skip(1_001)
    assert sent_at_once(bench) == 1


def test_a_send_that_fails_has_used_the_quota_all_the_same(bench: Workbench) -> None:
    bench.limit(1)
    orders(bench, 1)
    bench.lanes.postpone(bench.one(), 0, "503", charge=True)
    assert bench.verdict() is LeaseStatus.WAIT


def test_all_processes_share_the_quota(bench: Workbench) -> None:
    bench.limit(10)
    orders(bench, 40, urgent=True)
    another = bench.make_lanes(Quota(10))
    taken = [len(lanes.lease(3, LEASE_MS).leases) for lanes in (bench.lanes, another) * 3]
    assert sum(taken) == 10


def test_a_quota_of_nothing_is_no_quota(bench: Workbench) -> None:
    bench.limit(0)
    orders(bench, 300)
    assert sent_at_once(bench) == 300
    assert not bench.redis.exists(bench.keys.sends)


# -- the share kept for urgent updates ---------------------------------------------------------------------------------


def test_a_few_writes_are_kept_for_urgent_updates(bench: Workbench) -> None:
    bench.limit(100, HOUR)
    orders(bench, 120)
    sent = 0
    for _ in range(70):  # nearly a window, in steps that pacing allows
        sent += sent_at_once(bench)
        bench.skip(48_000)
    assert sent == 97
    assert bench.verdict() is LeaseStatus.WAIT
    orders(bench, 5, urgent=True)
    assert sent_at_once(bench) == 3


def test_urgent_updates_are_not_paced(bench: Workbench) -> None:
    bench.limit(100)
    orders(bench, 101, urgent=True)
    assert sent_at_once(bench) == 100


# -- pacing ------------------------------------------------------------------------------------------------------------


def test_a_backlog_goes_out_evenly_after_a_short_burst(bench: Workbench) -> None:
    bench.limit(100, HOUR)
    orders(bench, 60)
    assert sent_at_once(bench) == 10
    found = bench.lanes.lease(1, LEASE_MS)
    assert found.verdict is LeaseStatus.WAIT
    assert 0 < found.wait <= 36
    bench.skip(360_000)
    assert sent_at_once(bench) == 10


def test_rest_does_not_save_up_more_than_a_burst(bench: Workbench) -> None:
    bench.limit(100, HOUR)
    orders(bench, 1)
    assert sent_at_once(bench) == 1
    bench.skip(HOUR)
    orders(bench, 60)
    assert sent_at_once(bench) == 10


# -- what Gett's headers say -------------------------------------------------------------------------------------------


def limits(left: object, seconds: float = 3000) -> dict[str, str]:
    return {"X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": str(int(time.time() + seconds))}


def test_what_others_have_used_of_the_quota_is_respected(bench: Workbench) -> None:
    bench.limit(100)
    bench.gate.record_rate_limit_headers(202, limits(2))
    orders(bench, 5, urgent=True)
    assert sent_at_once(bench) == 2
    found = bench.lanes.lease(1, LEASE_MS)
    assert found.verdict is LeaseStatus.WAIT
    assert 2900 < found.wait <= 3000
    bench.skip(3_001_000)
    assert sent_at_once(bench) == 3


def test_answers_teach_through_the_client(bench: Workbench) -> None:
    bench.limit(100)
    orders(bench, 3, urgent=True)
    assert (
        bench.push(
            ApiResponse(202, {"x-ratelimit-remaining": "1", "x-ratelimit-reset": limits(1)["X-RateLimit-Reset"]})
        )
        == 2
    )


def test_an_older_answer_that_arrives_late_does_not_raise_what_is_left(bench: Workbench) -> None:
    bench.limit(100)
    late = limits(9)
    bench.gate.record_rate_limit_headers(202, late | {"X-RateLimit-Remaining": "2"})
    bench.gate.record_rate_limit_headers(202, late)
    assert bench.gate_field("left") == "2"


def test_a_new_window_begins_with_what_gett_says(bench: Workbench) -> None:
    bench.limit(100)
    bench.gate.record_rate_limit_headers(202, limits(0, 1000))
    bench.gate.record_rate_limit_headers(202, limits(50, 1060))
    orders(bench, 20, urgent=True)
    assert sent_at_once(bench) == 20


def test_headers_that_make_no_sense_teach_nothing(bench: Workbench) -> None:
    bench.limit(100)
    for headers in (
        {"X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Remaining": "none", "X-RateLimit-Reset": "soon"},
        limits(0, -5),
        limits(0, 86_400),
        {"X-RateLimit-Reset": limits(0)["X-RateLimit-Reset"]},
    ):
        bench.gate.record_rate_limit_headers(202, headers)
    orders(bench, 3)
    assert sent_at_once(bench) == 3


def test_gett_saying_that_more_is_left_never_raises_our_own_quota(bench: Workbench) -> None:
    bench.limit(2)
    bench.gate.record_rate_limit_headers(202, limits(1000))
    orders(bench, 5, urgent=True)
    assert sent_at_once(bench) == 2
