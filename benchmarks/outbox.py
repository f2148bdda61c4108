"""Benchmark of the outbox: ``python -m benchmarks.outbox``, or ``make bench-outbox``.

Every round measures the kit and each alternative with the same Redis and the same fake Gett, so that other load on the machine
affects all of them; every ratio is the median of the rounds' ratios. Engines that are not being measured are stopped (SIGSTOP).
Everything uses the loopback interface; the fake Gett is a separate process (:mod:`benchmarks.fake_gett`).

**Throughput.** 5,000 updates of 500 orders are enqueued while the workers are stopped; then the workers are resumed, and the time
is measured until the last request has arrived at a fake Gett that answers at once, and at one that answers after 50 ms. Quota and
merging are off, so every update is one request. Slow engines get fewer updates.

``ours``             2 push workers × 16 threads, order preserved, each outcome recorded, logs as in production; the benchmark checks
                     that every update arrives exactly once and the updates of each order in the order of their append
``rq``               a plain RQ job for each update on one default worker, which forks for every job; its code is loaded before
``rq_simple``        the same on two SimpleWorkers
``celery_prefork``   Celery, 2 processes
``celery_threads``   Celery, 16 threads
``dramatiq``         Dramatiq, 2 processes × 8 threads
``limit``            bare ``requests`` in thread pools of the same size, 2 processes × 16, without a queue or a record

None of the alternatives preserves order; ``disorder`` counts the updates that arrived before an older one of their order.

**Idle latency.** Time from one event on an idle system to its arrival at the fake Gett, for the kit and for plain RQ.

**Overload.** Ten times more updates than the quota allows (:mod:`benchmarks.outbox_overload`).

The memory of Redis is measured in :mod:`benchmarks.memory`.
"""

from __future__ import annotations

import json
import os
import random
import time
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks.fake_gett import FakeGett
from benchmarks.outbox_engines import Engine, engines, environment
from benchmarks.outbox_overload import overload
from benchmarks.outbox_updates import OrderUpdate, preparing
from benchmarks.outbox_worker import kit
from benchmarks.surroundings import surroundings
from webhook_kit.testing.redis_server import RedisServer

ROUNDS = 3
SLOW = 0.05
COUNTS: dict[float, dict[str, int]] = {
    0.0: {
        "ours": 5_000,
        "rq": 60,
        "rq_simple": 600,
        "celery_prefork": 1_200,
        "celery_threads": 1_000,
        "dramatiq": 2_000,
        "limit": 5_000,
    },
    SLOW: {
        "ours": 5_000,
        "rq": 30,
        "rq_simple": 60,
        "celery_prefork": 60,
        "celery_threads": 500,
        "dramatiq": 500,
        "limit": 5_000,
    },
}
"""Number of updates in a round, by delay and engine; each alternative takes about two seconds."""
PEERS = ("rq_simple", "celery_prefork", "celery_threads", "dramatiq")
SAMPLES, BLOCKS = 200, 4
TARGETS = {
    "vs_plain_rq": (30, True),
    "vs_best_peer": (1, True),
    "vs_limit_50ms": (0.6, True),
    "idle_latency_vs_plain_rq": (0.2, False),
    "staleness_vs_fifo": (0.25, False),
    "quota_used": (0.95, True),
    "quota_breaches": (1, False),
    "urgent_wait": (2, False),
}
"""Target of each ratio, and True if the ratio has to be at least as high, False if at most."""


def main() -> None:
    started = time.monotonic()
    load_before = os.getloadavg()[0]
    with RedisServer() as server, FakeGett() as gett:
        os.environ.update(environment(server.url, gett, "bench:"))
        by_name, latency = _measure_engines(server.url, gett)
    with RedisServer() as server, FakeGett() as gett:
        os.environ.update(environment(server.url, gett, "overload:", MERGING="1"))
        under_quota = overload(server.url, kit())
    _print_rates(by_name)
    results: dict[str, Any] = {
        "vs_plain_rq": _ratio(by_name, ("rq",), 0.0),
        "vs_best_peer": _ratio(by_name, PEERS, 0.0),
        "vs_best_peer_50ms": _ratio(by_name, PEERS, SLOW),
        "vs_limit": _ratio(by_name, ("limit",), 0.0),
        "vs_limit_50ms": _ratio(by_name, ("limit",), SLOW),
        **latency,
        **under_quota,
    }
    for name, (target, at_least) in TARGETS.items():
        met = results[name] >= target if at_least else results[name] <= target
        print(f"{name} {results[name]} (target {'≥' if at_least else '≤'} {target}: {'met' if met else 'MISSED'})")
    results |= {
        "per_second": {engine.name: round(median(engine.rates[0.0])) for engine in by_name.values()},
        "per_second_50ms": {engine.name: round(median(engine.rates[SLOW])) for engine in by_name.values()},
        "disorder": {engine.name: engine.disorder for engine in by_name.values()},
        "load_average_before": round(load_before, 1),
    }
    print(json.dumps(results | surroundings(started)))


def _measure_engines(redis_url: str, gett: FakeGett) -> tuple[dict[str, Engine], dict[str, float]]:
    with ExitStack() as running:
        all_engines = engines(redis_url, gett, kit().lanes)
        for engine in all_engines:
            engine.start(running, gett)
        for delay, counts in COUNTS.items():
            for number in range(ROUNDS):
                for engine in all_engines[:: -1 if number % 2 else 1]:
                    engine.measure(gett, delay, counts[engine.name])
        by_name = {engine.name: engine for engine in all_engines}
        assert by_name["ours"].disorder == 0, f"{by_name['ours'].disorder} updates of the kit arrived out of order"
        return by_name, _idle_latency(by_name["ours"], by_name["rq"], gett)


def _idle_latency(ours: Engine, other: Engine, gett: FakeGett) -> dict[str, float]:
    """Return the median time from an event to its arrival, measured in alternating blocks."""
    samples: dict[str, list[float]] = {ours.name: [], other.name: []}
    for block in range(2 * BLOCKS):
        engine = (ours, other)[block % 2]
        gett.reset()
        engine.resume()
        time.sleep(0.2)
        event_times = []
        for n in range(SAMPLES // BLOCKS):
            event_times.append(time.time())
            engine.enqueue([OrderUpdate(f"idle-{block}-{n}", preparing(n))])
            # Long enough for the arrival. A request to the fake Gett meanwhile would be load on an idle system.
            time.sleep(0.08 + random.uniform(0, 0.02))
            gett.wait(n + 1)
        engine.stop()
        arrived = [arrival.at for arrival in gett.log()]
        samples[engine.name] += [at - event for at, event in zip(arrived, event_times, strict=True)]
    own, others = (median(samples[engine.name]) for engine in (ours, other))
    return {
        "idle_latency_vs_plain_rq": round(own / others, 3),
        "idle_latency_ms": round(own * 1000, 2),
        "idle_latency_rq_ms": round(others * 1000, 2),
    }


def _print_rates(by_name: dict[str, Engine]) -> None:
    print(f"{'':16}{'per s':>8}{'at 50 ms':>10}{'disorder':>10}   median of {ROUNDS} rounds (lowest to highest)")
    for engine in by_name.values():
        fast, slow = engine.rates[0.0], engine.rates[SLOW]
        spread = f"{min(fast):.0f} to {max(fast):.0f}, {min(slow):.0f} to {max(slow):.0f}"
        print(f"{engine.name:16}{median(fast):8.0f}{median(slow):10.0f}{engine.disorder:10}   {spread}")


def _ratio(by_name: dict[str, Engine], others: tuple[str, ...], delay: float) -> float:
    """Return the median over the rounds of the kit's rate divided by the best of these engines."""
    ours = by_name["ours"].rates[delay]
    best = [max(by_name[name].rates[delay][number] for name in others) for number in range(ROUNDS)]
    return round(median(rate / other for rate, other in zip(ours, best, strict=True)), 2)


if __name__ == "__main__":
    main()
