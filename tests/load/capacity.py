"""Capacity of an installation: orders a second that customers get who wait for each answer."""

from __future__ import annotations

import asyncio

from tests.load.traffic import Traffic

__all__ = ["measure_capacity"]

_CUSTOMERS = 48
_WARM_UP = 5.0


async def measure_capacity(traffic: Traffic, stores: list[str], seconds: float) -> float:
    """Return the orders a second: each with a validateOrder, a placeOrder and three events of its POS, and its updates to Gett.

    :param stores: stores with a fast POS.
    """
    loop = asyncio.get_running_loop()
    counted, began, ended = 0, loop.time() + _WARM_UP, loop.time() + _WARM_UP + seconds

    async def customer(number: int) -> None:
        nonlocal counted
        while (now := loop.time()) < ended:
            await traffic.whole_order(stores[number % len(stores)])
            counted += now >= began

    for store in stores:
        await traffic.template(store)
    await asyncio.gather(*(customer(number) for number in range(_CUSTOMERS)))
    return counted / (loop.time() - began)
