"""Benchmark of overload: ten times more updates than the quota allows. Measures the age of Gett's status and the wait of cancellations.

For half a minute there are a thousand updates per second of 300 live orders, two of them cancellations; the quota is 100 per
second. The kit merges updates and sends urgent ones first; the alternative is a plain list, first in, first out, evenly paced
under the same quota. Both get the same events at the same time, and each sends to a fake Gett that enforces the quota exactly.
"""

from __future__ import annotations

import json
import os
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median, quantiles
from typing import Any

import redis

from benchmarks.fake_gett import Arrival, FakeGett
from benchmarks.outbox_engines import environment, worker
from benchmarks.outbox_updates import preparing
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.updates import order_ended

__all__ = ["overload"]

SECONDS = 30.0
PER_SECOND = 1_000
LIVE_ORDERS = 300
QUOTA, WINDOW = 100, 1.0
CANCEL_EVERY = 500
"""Every 500th update is a cancellation; a new order replaces the cancelled one."""
RAMP_UP = 2.0
"""Seconds after which both send at their full rate."""

Events = dict[str, list[tuple[float, dict[str, Any]]]]
"""Events at the POS by order: time, and body of the update."""


def overload(redis_url: str, kit: Kit) -> dict[str, float]:
    """Run the benchmark once."""
    quota = {"GETT_WRITES_PER_MINUTE": str(QUOTA), "QUOTA_WINDOW_MS": str(int(WINDOW * 1000)), "MERGING": "1"}
    with ExitStack() as running:
        receivers = [running.enter_context(FakeGett()) for _ in range(2)]
        ours = environment(redis_url, receivers[0], kit.keys.prefix, **quota)
        fifo = environment(redis_url, receivers[1], "none:")
        for process in (worker(ours, "ours"), worker(ours, "ours"), worker(fifo, "fifo", str(WINDOW / QUOTA * 1.01))):
            running.enter_context(process)
        _warm_up(redis_url, kit.lanes, receivers)
        for gett in receivers:
            gett.reset(limit=QUOTA, window=WINDOW)
        time.sleep(WINDOW)
        started = time.time()
        events = _generate_events(redis_url, kit.lanes)
        ended = started + SECONDS
        all_arrivals = [[arrival for arrival in gett.log() if arrival.at < ended] for gett in receivers]
    return _evaluate(events, all_arrivals, started, ended)


def _warm_up(redis_url: str, lanes: Lanes, receivers: Sequence[FakeGett]) -> None:
    connection = redis.Redis.from_url(redis_url)
    for n in range(32):
        lanes.append(f"order:warm-{n}", preparing(n), store_id="main", gett_id=f"warm-{n}")
        connection.rpush("fifo", json.dumps([f"warm-{n}", json.dumps(preparing(n).body)]))
    for gett in receivers:
        gett.wait(32)


def _generate_events(redis_url: str, lanes: Lanes) -> Events:
    connection = redis.Redis.from_url(redis_url)
    live = [f"order-{n}" for n in range(LIVE_ORDERS)]
    events: Events = {}
    started = time.monotonic()
    for n in range(int(SECONDS * PER_SECOND)):
        time.sleep(max(0.0, started + n / PER_SECOND - time.monotonic()))
        if time.monotonic() > started + SECONDS:  # the machine is too slow to generate all events
            break
        order = live[n % LIVE_ORDERS]
        cancelled = n % CANCEL_EVERY == CANCEL_EVERY - 1
        update = order_ended("cancelled", "the kitchen is closed") if cancelled else preparing(n)
        events.setdefault(order, []).append((time.time(), update.body))
        lanes.append(f"order:{order}", update, store_id="main", gett_id=order)
        connection.rpush("fifo", json.dumps([order, json.dumps(update.body)]))
        if cancelled:
            live[n % LIVE_ORDERS] = f"order-{n}-new"
    return events


def _evaluate(events: Events, arrivals: Sequence[Sequence[Arrival]], started: float, ended: float) -> dict[str, float]:
    ours, fifo = arrivals
    ages, ages_fifo = (quantiles(_ages(events, received, started, ended), n=20)[-1] for received in (ours, fifo))
    accepted = [arrival.at for arrival in ours if arrival.status == 200]
    steady = sum(1 for at in accepted if at >= started + RAMP_UP)
    rejected = len(ours) - len(accepted)
    waits = _urgent_waits(events, ours)
    interval = WINDOW / QUOTA
    return {
        "staleness_vs_fifo": round(ages / ages_fifo, 3),
        "staleness_p95_s": round(ages, 2),
        "staleness_fifo_p95_s": round(ages_fifo, 2),
        "quota_used": round(steady / (ended - started - RAMP_UP) * WINDOW / QUOTA, 3),
        "quota_used_fifo": round(
            sum(a.status == 200 and a.at >= started + RAMP_UP for a in fifo) / (SECONDS - RAMP_UP) * WINDOW / QUOTA, 3
        ),
        "quota_breaches": round(rejected / len(ours) * 1000, 2),
        "urgent_wait": round(quantiles(waits, n=20)[-1] / interval, 2),
        "urgent_wait_p50": round(median(waits) / interval, 2),
        "cancellations": len(waits),
        "events_per_second": round(sum(map(len, events.values())) / SECONDS),
    }


def _ages(events: Events, arrivals: Sequence[Arrival], started: float, ended: float) -> list[float]:
    """Return the age of Gett's status of every live order, ten times per second."""
    received: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        if arrival.status == 200:
            received.setdefault(arrival.order, []).append(arrival)
    ages = []
    for order, order_events in events.items():
        event_times = [at for at, _ in order_events]
        numbers = {json.dumps(body, sort_keys=True): n for n, (_, body) in enumerate(order_events)}
        order_arrivals = received.get(order, [])
        arrival_times = [arrival.at for arrival in order_arrivals]
        arrived = [numbers[json.dumps(arrival.body, sort_keys=True)] for arrival in order_arrivals]
        closed = "state" in order_events[-1][1]
        for tick in range(int(SECONDS * 10)):
            now = started + tick / 10
            latest = bisect_right(event_times, now) - 1
            if latest < 0 or now > ended or (closed and latest == len(order_events) - 1):
                continue
            last_arrived = max(arrived[: bisect_right(arrival_times, now)], default=-1)
            ages.append(0.0 if last_arrived >= latest else now - event_times[last_arrived + 1])
    return ages


def _urgent_waits(events: Events, arrivals: Sequence[Arrival]) -> list[float]:
    """Return the seconds from the append of each cancellation to its arrival; a missing one counts as the whole run."""
    arrival_times = {
        arrival.order: arrival.at for arrival in arrivals if arrival.status == 200 and "state" in arrival.body
    }
    last = max(at for order_events in events.values() for at, _ in order_events) - 1.0
    return [
        arrival_times.get(order, at + SECONDS) - at
        for order, order_events in events.items()
        for at, body in order_events
        if "state" in body and at < last
    ]


def main() -> None:
    """Run this benchmark alone: ``python -m benchmarks.outbox_overload``."""
    from benchmarks.outbox_worker import kit
    from webhook_kit.testing.redis_server import RedisServer

    with RedisServer() as server, FakeGett() as gett:
        os.environ.update(environment(server.url, gett, "overload:", MERGING="1"))
        print(json.dumps(overload(server.url, kit())))


if __name__ == "__main__":
    main()
