"""The outbox against other ways to send updates: ``python -m benchmarks.outbox``, or ``make bench-outbox``.

One run measures ours and each alternative in turn, round after round, on the same Redis and against the same sink, so that
whatever else the machine does meets all of them; every ratio is the median of the rounds' ratios. Whoever is not being measured
is stopped (SIGSTOP). Loopback only; the sink is a process of its own (:mod:`benchmarks.outbox_sink`).

**Throughput.** 5,000 updates for 500 orders are queued while the workers, warm, are stopped; then they are let go, and the clock
runs until the last request has arrived at a sink that answers at once, and at one that answers after 50 ms. Quota and merging
are off: every update is one request. Engines that are slow get fewer updates.

``ours``             2 push workers × 16 threads, order kept, each outcome recorded, logs as in production; checked: exactly as many
                     requests as updates, and each order's in the order in which they were appended
``rq``               a plain RQ job for each update, the default worker (it forks for every job), one, its code loaded before
``rq_simple``        the same on two SimpleWorkers
``celery_prefork``   Celery, 2 processes
``celery_threads``   Celery, 16 threads
``dramatiq``         Dramatiq, 2 processes × 8 threads
``limit``            bare ``requests`` in thread pools of the same width, 2 processes × 16: no queue, no record

None of the alternatives keeps order; ``disorder`` counts the updates that arrived before an older one of their order.

**Idle latency.** One update at a time on an idle system, from the event to its arrival at the sink: ours and plain RQ.

**Overload.** Ten times more updates than the quota lets through (:mod:`benchmarks.outbox_overload`).

**Memory.** What a waiting update and a finished order cost in Redis. A waiting one is bounded by merging (one for each order), a
finished order by its TTL.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from contextlib import ExitStack
from statistics import median
from typing import Any

import redis

from benchmarks.outbox_engines import Engine, append_all, engines, environment
from benchmarks.outbox_overload import overload
from benchmarks.outbox_sink import Sink
from benchmarks.outbox_work import EACH, Told, preparing, work
from benchmarks.outbox_worker import kit
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.storage.connection import text
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
"""Updates in a round, about two seconds' worth of each alternative."""
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
"""What each ratio has to be: at least (True) or at most (False)."""


def main() -> None:
    began = time.monotonic()
    load_before = os.getloadavg()[0]
    with RedisServer() as server, Sink() as sink:
        os.environ.update(environment(server.url, sink, "bench:"))
        by_name, latency = _measure_engines(server.url, sink)
    with RedisServer() as server, Sink() as sink:
        os.environ.update(environment(server.url, sink, "overload:", MERGING="1"))
        under_quota = overload(server.url, kit().lanes)
        memory = _memory(server.url)
    _show(by_name)
    results: dict[str, Any] = {
        "vs_plain_rq": _ratio(by_name, ("rq",), 0.0),
        "vs_best_peer": _ratio(by_name, PEERS, 0.0),
        "vs_best_peer_50ms": _ratio(by_name, PEERS, SLOW),
        "vs_limit": _ratio(by_name, ("limit",), 0.0),
        "vs_limit_50ms": _ratio(by_name, ("limit",), SLOW),
        **latency,
        **under_quota,
        "memory_bytes": memory,
    }
    for name, (target, at_least) in TARGETS.items():
        met = results[name] >= target if at_least else results[name] <= target
        print(f"{name} {results[name]} (target {'≥' if at_least else '≤'} {target}: {'met' if met else 'MISSED'})")
    results |= {
        "per_second": {engine.name: round(median(engine.rates[0.0])) for engine in by_name.values()},
        "per_second_50ms": {engine.name: round(median(engine.rates[SLOW])) for engine in by_name.values()},
        "disorder": {engine.name: engine.disorder for engine in by_name.values()},
        "load_average": [round(load_before, 1), round(os.getloadavg()[0], 1)],
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(results))


def _measure_engines(redis_url: str, sink: Sink) -> tuple[dict[str, Engine], dict[str, float]]:
    with ExitStack() as running:
        found = engines(redis_url, sink, kit().lanes)
        for engine in found:
            engine.start(running, sink)
        for delay, counts in COUNTS.items():
            for number in range(ROUNDS):
                for engine in found[:: -1 if number % 2 else 1]:
                    engine.measure(sink, delay, counts[engine.name])
        by_name = {engine.name: engine for engine in found}
        assert by_name["ours"].disorder == 0, f"{by_name['ours'].disorder} updates of ours arrived out of order"
        return by_name, _idle_latency(by_name["ours"], by_name["rq"], sink)


def _idle_latency(ours: Engine, other: Engine, sink: Sink) -> dict[str, float]:
    """The median time from an event to its arrival, in blocks in turn."""
    samples: dict[str, list[float]] = {ours.name: [], other.name: []}
    for block in range(2 * BLOCKS):
        engine = (ours, other)[block % 2]
        sink.reset()
        engine.go()
        time.sleep(0.2)
        given = []
        for n in range(SAMPLES // BLOCKS):
            given.append(time.time())
            engine.give([Told(f"idle-{block}-{n}", preparing(n))])
            # Long enough to arrive and come to rest; to ask the sink meanwhile would be work on an idle system.
            time.sleep(0.08 + random.uniform(0, 0.02))
            sink.wait(n + 1)
        engine.halt()
        arrived = [arrival.at for arrival in sink.log()]
        samples[engine.name] += [at - event for at, event in zip(arrived, given, strict=True)]
    mine, theirs = (median(samples[engine.name]) for engine in (ours, other))
    return {
        "idle_latency_vs_plain_rq": round(mine / theirs, 3),
        "idle_latency_ms": round(mine * 1000, 2),
        "idle_latency_rq_ms": round(theirs * 1000, 2),
    }


def _memory(redis_url: str) -> dict[str, float]:
    """Bytes of Redis, by ``used_memory``; no worker runs."""
    connection = redis.Redis.from_url(redis_url)
    told = work(2_000)
    orders = len(told) // EACH

    def used() -> int:
        return int(connection.info("memory")["used_memory"])

    found: dict[str, float] = {}
    for name, merging in (("waiting_update", False), ("waiting_update_merged", True)):
        connection.flushall()
        os.environ.update(KEY_PREFIX=f"{name}:", MERGING=str(int(merging)))
        lanes = kit().lanes
        append_all(lanes)(told[:1])
        before = used()
        append_all(lanes, "more")(told)
        found[name] = round((used() - before) / len(told), 1)
        if merging:
            found["waiting_order_merged"] = round((used() - before) / orders, 1)
        else:
            _finish(lanes)
            found["finished_order"] = round((used() - before) / orders, 1)
            for key in connection.scan_iter(f"{name}:lane:*"):
                assert connection.ttl(text(key)) > 0, f"{text(key)} would stay for ever"
    return found


def _finish(lanes: Lanes) -> None:
    while leases := lanes.lease(100, 60_000).leases:
        for lease in leases:
            lanes.acknowledge(lease, 200)


def _show(by_name: dict[str, Engine]) -> None:
    print(f"{'':16}{'per s':>8}{'at 50 ms':>10}{'disorder':>10}   median of {ROUNDS} rounds (lowest to highest)")
    for engine in by_name.values():
        fast, slow = engine.rates[0.0], engine.rates[SLOW]
        spread = f"{min(fast):.0f} to {max(fast):.0f}, {min(slow):.0f} to {max(slow):.0f}"
        print(f"{engine.name:16}{median(fast):8.0f}{median(slow):10.0f}{engine.disorder:10}   {spread}")


def _ratio(by_name: dict[str, Engine], others: tuple[str, ...], delay: float) -> float:
    """Ours against the best of these, round by round."""
    ours = by_name["ours"].rates[delay]
    best = [max(by_name[name].rates[delay][number] for name in others) for number in range(ROUNDS)]
    return round(median(mine / theirs for mine, theirs in zip(ours, best, strict=True)), 2)


if __name__ == "__main__":
    main()
