"""An hour at a tenth of the capacity, and a verdict if everything stays flat: ``python -m tests.load.soak``, or ``make soak``.

Ten stores of the fake POS get orders at random moments. Each order is validated and placed; its POS reports its progress, five
seconds a step, and the updates go to a local Gett. Prices change every two minutes, and an item runs out and comes back. A
monitor reads ``/readyz``, ``/metrics`` and the console's API.

Data are kept for one or two minutes, so that Redis has reached its size after a few. Catalogs and units of an item that was sold
out alternate between the same versions, because a published catalog is kept for a day.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.surroundings import surroundings
from tests.load.capacity import measure_capacity
from tests.load.client import Client, arrivals
from tests.load.installation import METRICS_TOKEN, Installation
from tests.load.samples import Sampler
from tests.load.traffic import STEPS, Traffic, p99
from tests.load.verdict import growing
from webhook_kit.kit import Kit

STORES = [f"fast-{number}" for number in range(10)]
SETTINGS = {
    "IDEMPOTENCY_TTL": "60",
    "ORDER_TTL": "120",
    "CONTACT_TTL": "60",
    "EVENT_HOLD_TIMEOUT": "30",
    "RECONCILE_EVERY": "30",
    "RECONCILE_WINDOW": "120",
    "CATALOG_REFRESH": "60",
    "COMPARE_STATUS_EVERY": "60",
}
EVERY = 10.0
"""Seconds between two samples."""
STEP = 5.0
"""Seconds between two steps of an order."""
CHANGES = 60.0
"""Seconds between two changes of a catalog."""
PRICES = ("2.50", "2.75", "3.00", "3.25")
API = ("health", "orders", "waiting", "stores", "alerts", "incidents", "quota")


def main() -> int:
    """Run it. Return 1 if something grows, or an order went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--capacity", type=float, help="Orders a second; measured if it is not given.")
    parser.add_argument("--samples", type=Path, help="File to which each sample is appended, as a line of JSON.")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    stores: dict[str, dict[str, Any]] = {store: {"outcomes": "hidden"} for store in STORES}
    with Installation(stores, console=True, env=SETTINGS) as installation:
        result = asyncio.run(_soak(installation, arguments))
    print(json.dumps(result | surroundings(started)))
    return 0 if result["flat"] and not result["wrong"] else 1


async def _soak(installation: Installation, arguments: argparse.Namespace) -> dict[str, Any]:
    client, console = (Client(server.port, patience=30.0) for server in installation.servers.values())
    traffic, kit = Traffic(installation, client), installation.kit()
    capacity = arguments.capacity or await measure_capacity(traffic, STORES, 20.0)
    print(f"capacity: {capacity:.1f} orders a second", flush=True)
    await _settled(kit)
    soak = _Soak(installation, traffic, Traffic(installation, console), Random(arguments.seed))
    sampler = Sampler(installation)
    traffic.start()
    seconds = arguments.minutes * 60
    late = await soak.run(capacity / 10, seconds, sampler, arguments.samples)
    await _settled(kit)
    trends = sampler.trends()
    tickets = Counter(ticket.ref for ticket in installation.tickets.all())
    counts = kit.lanes.counts()
    faults = {kind: dict(each.faults) for kind, each in traffic.outcomes.items() if each.faults}
    wrong = {
        "placed without exactly one ticket": sum(tickets[order] != 1 for order in traffic.placed),
        "dead letters": [letter.why for letter in kit.dead_letters.since(0)],
        "restarted": sorted(sampler.restarted),
        "answers": faults,
    }
    for name, trend in sorted(trends.items()):
        mark = "" if trend.flat else "   GROWS"
        print(f"{name:24}{trend.level:10.1f}{trend.per_hour:+10.3f} an hour (bound {trend.bound:.2f}){mark}")
    return {
        "soak": "flat" if not list(growing(trends)) else "growing",
        "flat": not list(growing(trends)),
        "growing": list(growing(trends)),
        "wrong": {what: value for what, value in wrong.items() if value},
        "minutes": arguments.minutes,
        "capacity_orders_per_second": round(capacity, 1),
        "orders": len(traffic.placed),
        "answers": {kind: dict(each.counts) for kind, each in (traffic.outcomes | soak.monitor.outcomes).items()},
        "p99_ms": {kind: round(1000 * p99(each.seconds())) for kind, each in traffic.outcomes.items()},
        "updates": {name: value for name, value in counts.items() if value},
        "arrivals_late_p99_s": round(late, 3),
        "trends": {name: [round(each, 3) for each in trend] for name, trend in trends.items()},
    }


class _Soak:
    """The load of the soak."""

    def __init__(self, installation: Installation, traffic: Traffic, monitor: Traffic, random: Random) -> None:
        self._installation = installation
        self._traffic = traffic
        self.monitor = monitor
        self._random = random

    async def run(self, rate: float, seconds: float, sampler: Sampler, file: Path | None) -> float:
        """Run it, and return how late the orders were."""
        async with AsyncExitStack() as stack:
            for task in (self._sample(sampler, file), self._change_catalogs()):
                running = asyncio.create_task(task)
                stack.callback(running.cancel)
            return await arrivals(rate, seconds, self._order, self._random)

    async def _order(self) -> None:
        store = self._random.choice(STORES)
        item = "cola" if self._random.random() < 0.1 else "salad"
        validated = await self._traffic.validate(store, item)
        if validated.status != 200 or not json.loads(validated.body)["isValid"]:
            return
        self._traffic.use(store, item, validated)
        ticket = await self._traffic.place(store, item)
        if not ticket:
            return
        for step in STEPS:
            await asyncio.sleep(STEP)
            name = step.get("status") or step["state"]
            await asyncio.to_thread(self._installation.tickets.advance, ticket, name)
            await self._traffic.report(type="order", store_id=store, order_id=ticket, **step)

    async def _change_catalogs(self) -> None:
        for number in count():
            await asyncio.sleep(CHANGES)
            store = STORES[number % len(STORES)]
            if number % 2:
                price = Decimal(PRICES[number // 2 % len(PRICES)])
                await asyncio.to_thread(self._installation.tickets.set_price, "lemonade", price)
                for each in STORES:
                    await self._traffic.report(type="catalog", store_id=each)
            available = number // len(STORES) % 2 == 1
            await self._traffic.report(type="item", store_id=store, item_id="cola", available=available)

    async def _sample(self, sampler: Sampler, file: Path | None) -> None:
        while True:
            sample = await asyncio.to_thread(sampler.take)
            if file is not None:
                with file.open("a") as lines:
                    lines.write(json.dumps(sample) + "\n")
            await self._traffic.get("/readyz")
            await self._traffic.get("/metrics", Authorization=f"Bearer {METRICS_TOKEN}")
            for name in API:
                token = f"Bearer {self._installation.console_token}"
                await self.monitor.get(f"/console/api/v1/{name}", Authorization=token)
            await asyncio.sleep(EVERY)


async def _settled(kit: Kit) -> None:
    """Wait until every update is sent."""
    ended = time.monotonic() + 300
    while await asyncio.to_thread(kit.lanes.all_waiting):
        assert time.monotonic() < ended, "updates are not sent"
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
