"""Ten times the capacity, and back: ``python -m tests.load.overload``, or ``make overload``.

The capacity is measured first: orders a second that customers get who wait for each answer. Then, once with a POS that answers at
once and once with half of the orders for four stores whose POS takes five seconds:

1. a tenth of the capacity for half a minute, to know the latency before;
2. ten times the capacity for half a minute, each request sent at its random moment, whatever became of the earlier ones;
3. a tenth again, until the latency is as before.

Every answer has to be a 200, a 429 or a 503 with Retry-After; what is accepted has to be answered within ``WEBHOOK_DEADLINE``; each
order that was answered 200 has to have one ticket, each other one none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from typing import Any

from benchmarks.surroundings import surroundings
from tests.load.capacity import measure_capacity
from tests.load.client import Client, arrivals
from tests.load.installation import Installation
from tests.load.traffic import Outcome, Traffic, p99
from webhook_kit.settings import Settings

FAST = [f"fast-{number}" for number in range(4)]
SLOW = [f"slow-{number}" for number in range(4)]
DELAY = 5.0
"""Seconds that a slow POS takes."""
PATIENCE = 60.0
"""Seconds after which the load generator gives up: far more than Gett waits, so that late answers are seen."""
WINDOW = 5.0
OBSERVED = 60.0
"""Seconds after the overload at most in which the latency has to be as before."""


def main() -> int:
    """Run it. Return 1 if an answer or a ticket was wrong, or it did not recover."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--times", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    stores: dict[str, dict[str, Any]] = {
        **{store: {"outcomes": "hidden"} for store in FAST},
        **{store: {"outcomes": "hidden", "delay": DELAY} for store in SLOW},
    }
    with Installation(stores) as installation:
        with suppress(PermissionError):
            os.nice(-5)  # from here on: on a busy machine the load generator is not what is to be measured
        results = asyncio.run(_overload(installation, arguments))
    wrong = {name: result["wrong"] for name, result in results.items() if result["wrong"]}
    print(json.dumps({"overload": "survived" if not wrong else "failed", **results, **surroundings(started)}))
    return 1 if wrong else 0


async def _overload(installation: Installation, arguments: argparse.Namespace) -> dict[str, Any]:
    client = Client(installation.web.port, patience=PATIENCE)
    traffic = Traffic(installation, client)
    capacity = await measure_capacity(traffic, FAST, 15.0)
    for store in SLOW:
        await traffic.template(store)
    results = {}
    for name, stores in (("fast", FAST), ("half slow", FAST + SLOW)):
        results[name] = await _scenario(installation, traffic, client, stores, capacity, arguments)
        print(json.dumps({name: results[name]}, indent=1), flush=True)
    return results


async def _scenario(
    installation: Installation,
    traffic: Traffic,
    client: Client,
    stores: list[str],
    capacity: float,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    random, loop = Random(arguments.seed), asyncio.get_running_loop()

    async def order() -> None:
        store = random.choice(stores)
        _, ticket = await asyncio.gather(traffic.validate(random.choice(stores)), traffic.place(store))
        if ticket:
            await traffic.report(type="order", store_id=store, order_id=ticket, status="preparing")

    traffic.start()
    traffic.refused.clear()
    pids = {name: process.pid for name, process in installation.processes().items()}
    began = loop.time()
    await arrivals(capacity / 10, arguments.seconds, order, random)
    before = {kind: p99(each.seconds()) for kind, each in traffic.outcomes.items()}
    limits = {kind: _slowest_window(each, began, began + arguments.seconds) for kind, each in traffic.outcomes.items()}
    memory = _memory(installation)

    overload = traffic.start()
    largest, in_flight = dict(memory), 0

    async def watch() -> None:
        nonlocal in_flight
        while True:
            in_flight = max(in_flight, client.in_flight)
            await traffic.get("/healthz")
            for process, used in (await asyncio.to_thread(_memory, installation)).items():
                largest[process] = max(largest.get(process, 0), used)
            await asyncio.sleep(1)

    opened, began = client.opened, loop.time()
    watching = asyncio.create_task(watch())
    load = asyncio.create_task(arrivals(capacity * arguments.times, arguments.seconds, order, random))
    await asyncio.sleep(arguments.seconds)
    ended, after = loop.time(), traffic.start()
    await arrivals(capacity / 10, OBSERVED, order, random)
    lateness = await load
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    recovered = _recovered(after, ended, limits)

    tickets = Counter(ticket.ref for ticket in installation.tickets.all())
    ids = {ticket.ref: ticket.id for ticket in installation.tickets.all()}
    # The POS may take an order later than WEBHOOK_DEADLINE. Gett gets 503, sends it again, and has to get that ticket.
    late = [order for order in traffic.refused if order in ids]
    again = {order: await traffic.place_again(order) for order in late}
    limit = Settings().webhook_deadline
    wrong = {
        "answers": {kind: dict(each.faults.most_common(5)) for kind, each in overload.items() if each.faults},
        "later than WEBHOOK_DEADLINE": sum(seconds > limit for each in overload.values() for seconds in each.seconds()),
        "placed without exactly one ticket": sum(tickets[order] != 1 for order in traffic.placed),
        "refused with a ticket that a retry does not get": sum(again[order] != ids[order] for order in late),
        "restarted": [name for name, process in installation.processes().items() if process.pid != pids[name]],
        "not recovered": recovered is None,
    }
    seconds = ended - began
    return {
        "wrong": {what: value for what, value in wrong.items() if value},
        "capacity_orders_per_second": round(capacity, 1),
        "sent_per_second": round(sum(each.counts.total() for each in overload.values()) / seconds, 1),
        "answers": {kind: dict(each.counts) for kind, each in overload.items()},
        "answers_after": {kind: dict(each.counts) for kind, each in after.items()},
        "p99_before_s": {kind: round(value, 3) for kind, value in before.items()},
        "accepted_p50_p99_max_s": {kind: _latency(each.seconds()) for kind, each in overload.items()},
        "refused_p50_p99_max_s": {kind: _latency(each.seconds(taken=False)) for kind, each in overload.items()},
        "accepted_orders_per_second": round(
            sum(each.counts["200"] for kind, each in overload.items() if kind.startswith("placeOrder")) / seconds, 1
        ),
        "refused_after_the_pos_was_called": len(late),
        "most_in_flight": in_flight,
        "connections_opened": client.opened - opened,
        "memory_before_mb": {name: round(used) for name, used in memory.items()},
        "memory_at_most_mb": {name: round(used) for name, used in largest.items()},
        "recovered_s": recovered,
        "arrivals_late_p99_s": round(lateness, 3),
    }


def _latency(seconds: list[float]) -> list[float]:
    if not seconds:
        return []
    ordered = sorted(seconds)
    return [round(ordered[len(ordered) // 2], 3), round(p99(seconds), 3), round(ordered[-1], 3)]


def _memory(installation: Installation) -> dict[str, float]:
    return {name: process.memory_info().rss / 1e6 for name, process in installation.processes().items()}


def _window(outcome: Outcome, begin: float) -> tuple[float, bool]:
    """Return the p99 of the requests that were sent in a window, and if each was answered 200."""
    timed = [(seconds, ok) for at, seconds, ok in outcome.timed if begin <= at < begin + WINDOW]
    return p99([seconds for seconds, _ in timed]), all(ok for _, ok in timed)


def _slowest_window(outcome: Outcome, begin: float, end: float) -> float:
    return max(_window(outcome, begin + number)[0] for number in range(int(end - begin - WINDOW)))


def _recovered(after: Mapping[str, Outcome], begin: float, limits: Mapping[str, float]) -> int | None:
    """Return the seconds until a window begins in which each answer is a 200 and the p99 as before; None if there is none."""
    for number in range(int(OBSERVED - WINDOW)):
        windows = {kind: _window(outcome, begin + number) for kind, outcome in after.items()}
        if all(ok and seconds <= limits[kind] for kind, (seconds, ok) in windows.items()):
            return number
    return None


if __name__ == "__main__":
    sys.exit(main())
