"""A small web process and a slow POS get ten times as many orders as they can take, at moments that wait for nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from random import Random

import pytest

from tests.load.client import Client, arrivals
from tests.load.installation import Installation
from tests.load.traffic import Outcome, Traffic
from webhook_kit.testing.processes import PATIENCE

THREADS, DELAY, SECONDS = 3, 0.5, 8.0
STORE = "slow-0"
SETTINGS = {
    "WEB_CONCURRENCY": "1",
    "WEB_THREADS": str(THREADS),
    # No deadline passes because the machine is busy: only the bounds of the queue and of the POS calls refuse orders.
    "POS_DEADLINE": "200",
    "WEBHOOK_DEADLINE": "210",
    "REDIS_TIMEOUT": "30",
}


@pytest.mark.parametrize("calls", [2, 32], ids=["a thread remains", "calls of the POS hold every thread"])
def test_ten_times_the_orders_are_placed_or_refused_and_then_all_are_placed_again(calls: int) -> None:
    stores = {STORE: {"delay": DELAY}}
    with Installation(stores, workers=(), env={**SETTINGS, "POS_MAX_CALLS": str(calls)}) as installation:
        # In a thread of its own: a browser of an earlier test may have left an event loop in this one.
        with ThreadPoolExecutor(1) as pool:
            traffic, overload, after = pool.submit(asyncio.run, overloaded(installation)).result()
        tickets = Counter(ticket.ref for ticket in installation.tickets.all())
    answers = overload["placeOrder slow"].counts
    assert answers.keys() == {"200", "503"}, answers
    assert not any(outcome.faults for outcome in overload.values()), overload
    assert after["placeOrder slow"].counts["200"] == 10
    assert tickets == Counter(traffic.placed)


async def overloaded(installation: Installation) -> tuple[Traffic, dict[str, Outcome], dict[str, Outcome]]:
    """Return the outcomes of ten times the capacity, and of ten orders afterwards, one by one."""
    async with aclosing(Client(installation.web.port, patience=2 * PATIENCE)) as client:
        traffic = Traffic(installation, client)
        await traffic.template(STORE)
        overload = traffic.start()

        async def order() -> None:
            await asyncio.gather(traffic.validate(STORE), traffic.place(STORE))

        await arrivals(10 * THREADS / DELAY, SECONDS, order, Random(1))
        after = traffic.start()
        for _ in range(10):
            ticket = ""
            while not ticket:
                ticket = await traffic.place(STORE)
                await asyncio.sleep(0.1)
    return traffic, overload, after
