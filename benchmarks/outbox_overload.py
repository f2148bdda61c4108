"""Ten times more updates than the quota lets through: how old is what Gett believes, and how long does a cancellation wait?

A thousand updates a second over 300 live orders, two of them cancellations, for half a minute; the quota is Gett's, scaled to
100 a second. Ours merges and chooses; the other is a plain list, first in, first out, evenly paced under the same quota. Both
get the same events at the same moments, and each tells a sink of its own that enforces the quota exactly.
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

from benchmarks.outbox_engines import environment, worker
from benchmarks.outbox_sink import Arrival, Sink
from benchmarks.outbox_work import preparing
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.updates import order_ended

__all__ = ["overload"]

SECONDS = 30.0
PER_SECOND = 1_000
LIVE = 300
QUOTA, WINDOW = 100, 1.0
CANCEL_EVERY = 500
"""Every so manieth update is a cancellation; another order takes its place."""
SETTLE = 2.0
"""Seconds after which both are in full swing."""

Events = dict[str, list[tuple[float, dict[str, Any]]]]
"""What happened at the POS, by order: when, and what Gett is to be told."""


def overload(redis_url: str, lanes: Lanes) -> dict[str, float]:
    """Run it once."""
    quota = {"GETT_WRITES_PER_MINUTE": str(QUOTA), "QUOTA_WINDOW_MS": str(int(WINDOW * 1000)), "MERGING": "1"}
    with ExitStack() as running:
        sinks = [running.enter_context(Sink()) for _ in range(2)]
        ours = environment(redis_url, sinks[0], lanes_prefix(lanes), **quota)
        fifo = environment(redis_url, sinks[1], "none:")
        for process in (worker(ours, "ours"), worker(ours, "ours"), worker(fifo, "fifo", str(WINDOW / QUOTA * 1.01))):
            running.enter_context(process)
        _warm(redis_url, lanes, sinks)
        for sink in sinks:
            sink.reset(limit=QUOTA, window=WINDOW)
        time.sleep(WINDOW)
        began = time.time()
        events = _happen(redis_url, lanes)
        ended = began + SECONDS
        all_arrivals = [[arrival for arrival in sink.log() if arrival.at < ended] for sink in sinks]
    return _judge(events, all_arrivals, began, ended)


def lanes_prefix(lanes: Lanes) -> str:
    return lanes._keys.prefix  # noqa: SLF001 - the workers are to look where the benchmark appends


def _warm(redis_url: str, lanes: Lanes, sinks: Sequence[Sink]) -> None:
    connection = redis.Redis.from_url(redis_url)
    for n in range(32):
        lanes.append(f"order:warm-{n}", preparing(n), store_id="main", gett_id=f"warm-{n}")
        connection.rpush("fifo", json.dumps([f"warm-{n}", json.dumps(preparing(n).body)]))
    for sink in sinks:
        sink.wait(32)


def _happen(redis_url: str, lanes: Lanes) -> Events:
    connection = redis.Redis.from_url(redis_url)
    live = [f"order-{n}" for n in range(LIVE)]
    events: Events = {}
    began = time.monotonic()
    for n in range(int(SECONDS * PER_SECOND)):
        time.sleep(max(0.0, began + n / PER_SECOND - time.monotonic()))
        if time.monotonic() > began + SECONDS:  # a machine too busy to make them all
            break
        order = live[n % LIVE]
        cancelled = n % CANCEL_EVERY == CANCEL_EVERY - 1
        update = order_ended("cancelled", "the kitchen is closed") if cancelled else preparing(n)
        events.setdefault(order, []).append((time.time(), update.body))
        lanes.append(f"order:{order}", update, store_id="main", gett_id=order)
        connection.rpush("fifo", json.dumps([order, json.dumps(update.body)]))
        if cancelled:
            live[n % LIVE] = f"order-{n}-new"
    return events


def _judge(events: Events, arrivals: Sequence[Sequence[Arrival]], began: float, ended: float) -> dict[str, float]:
    ours, fifo = arrivals
    ages, ages_fifo = (quantiles(_ages(events, of, began, ended), n=20)[-1] for of in (ours, fifo))
    taken = [arrival.at for arrival in ours if arrival.status == 200]
    steady = sum(1 for at in taken if at >= began + SETTLE)
    refused = len(ours) - len(taken)
    waits = _urgent_waits(events, ours)
    interval = WINDOW / QUOTA
    return {
        "staleness_vs_fifo": round(ages / ages_fifo, 3),
        "staleness_p95_s": round(ages, 2),
        "staleness_fifo_p95_s": round(ages_fifo, 2),
        "quota_used": round(steady / (ended - began - SETTLE) * WINDOW / QUOTA, 3),
        "quota_used_fifo": round(
            sum(a.status == 200 and a.at >= began + SETTLE for a in fifo) / (SECONDS - SETTLE) * WINDOW / QUOTA, 3
        ),
        "quota_breaches": round(refused / len(ours) * 1000, 2),
        "urgent_wait": round(quantiles(waits, n=20)[-1] / interval, 2),
        "urgent_wait_p50": round(median(waits) / interval, 2),
        "cancellations": len(waits),
        "events_per_second": round(sum(map(len, events.values())) / SECONDS),
    }


def _ages(events: Events, arrivals: Sequence[Arrival], began: float, ended: float) -> list[float]:
    """How old Gett's belief was, for every live order ten times a second."""
    told: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        if arrival.status == 200:
            told.setdefault(arrival.order, []).append(arrival)
    found = []
    for order, happened in events.items():
        moments = [at for at, _ in happened]
        place = {json.dumps(body, sort_keys=True): n for n, (_, body) in enumerate(happened)}
        heard = told.get(order, [])
        heard_at = [arrival.at for arrival in heard]
        believed = [place[json.dumps(arrival.body, sort_keys=True)] for arrival in heard]
        closed = "state" in happened[-1][1]
        for tick in range(int(SECONDS * 10)):
            now = began + tick / 10
            latest = bisect_right(moments, now) - 1
            if latest < 0 or now > ended or (closed and latest == len(happened) - 1):
                continue
            known = max(believed[: bisect_right(heard_at, now)], default=-1)
            found.append(0.0 if known >= latest else now - moments[known + 1])
    return found


def _urgent_waits(events: Events, arrivals: Sequence[Arrival]) -> list[float]:
    """Seconds from the append of each cancellation to its arrival; what never arrived counts as the whole run."""
    heard = {arrival.order: arrival.at for arrival in arrivals if arrival.status == 200 and "state" in arrival.body}
    last = max(at for happened in events.values() for at, _ in happened) - 1.0
    return [
        heard.get(order, at + SECONDS) - at
        for order, happened in events.items()
        for at, body in happened
        if "state" in body and at < last
    ]


def main() -> None:
    """This part alone: ``python -m benchmarks.outbox_overload``."""
    from benchmarks.outbox_worker import kit
    from webhook_kit.testing.redis_server import RedisServer

    with RedisServer() as server, Sink() as sink:
        os.environ.update(environment(server.url, sink, "overload:", MERGING="1"))
        print(json.dumps(overload(server.url, kit().lanes)))


if __name__ == "__main__":
    main()
