"""The faults of the network, of Gett and of the POS; changes of the stores, deploys and clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

from tests.storm.evidence import Window
from tests.storm.faults import Act
from tests.storm.installation import CLOCKS, Installation
from tests.storm.menu import ITEMS, PRICES
from tests.storm.pos import MISHAPS
from tests.storm.proxy import Trouble
from webhook_kit.adapter import Store

__all__ = ["OTHER_FAULTS"]

_UPDATES = "setOrderStatus,setStoreStatus,catalogNotification"
_OFTEN = 0.6
"""Probability with which a call or placement is affected."""


def _network(route: str, trouble: Trouble) -> Act:
    @contextmanager
    def act(installation: Installation, random: Random) -> Iterator[None]:
        began = time.time()
        installation.network.command(route, trouble=trouble)
        try:
            yield
        finally:
            installation.network.command(route, trouble=Trouble.NONE)
            if route == "gett":
                installation.disorder.append(Window(began, time.time()))

    return act


def _gett(call: str, **rule: Any) -> Act:
    @contextmanager
    def act(installation: Installation, random: Random) -> Iterator[None]:
        began = time.time()
        with installation.gett.fault({"call": call, "probability": _OFTEN, **rule}):
            yield
        if rule["kind"] == "delay":
            installation.disorder.append(Window(began, time.time()))

    return act


def _mishap(name: str) -> Act:
    @contextmanager
    def act(installation: Installation, random: Random) -> Iterator[None]:
        installation.set_mishaps({name: _OFTEN})
        try:
            yield
        finally:
            installation.set_mishaps({})

    return act


# -- stores ------------------------------------------------------------------------------------------------------------


@contextmanager
def _prices_change(installation: Installation, random: Random) -> Iterator[None]:
    for store in _some(installation, random):
        item = random.choice(list(PRICES))
        installation.ask_pos("change", store=store.id, item=item, price=f"{random.randint(10, 2000) / 100:.2f}")
    yield


@contextmanager
def _items_run_out(installation: Installation, random: Random) -> Iterator[None]:
    gone = [(store, random.choice(ITEMS)) for store in _some(installation, random)]
    for store, item in gone:
        installation.ask_pos("change", store=store.id, item=item, sold_out=True)
    try:
        yield
    finally:
        for store, item in gone:
            installation.ask_pos("change", store=store.id, item=item, sold_out=False)


@contextmanager
def _stores_close(installation: Installation, random: Random) -> Iterator[None]:
    closed = _some(installation, random)
    for store in closed:
        installation.ask_pos("change", store=store.id, closed=True)
    try:
        yield
    finally:
        for store in closed:
            installation.ask_pos("change", store=store.id, closed=False)


def _some(installation: Installation, random: Random) -> list[Store]:
    return random.sample(installation.stores, max(1, len(installation.stores) // 10))


# -- deploys and clocks ------------------------------------------------------------------------------------------------


@contextmanager
def _deploy(installation: Installation, random: Random) -> Iterator[None]:
    """Replace the kit's processes one by one."""
    for member in installation.kit_members():
        member.terminate()
        member.start()
        with suppress(ChildProcessError):  # another fault has killed it
            installation.wait_ready(member)
    yield


@contextmanager
def _clock_jumps(installation: Installation, random: Random) -> Iterator[None]:
    random.choice(installation.kit_members()).set_clock(random.uniform(-150, 150))
    yield


OTHER_FAULTS: Mapping[str, Act] = {
    **{
        f"{route} connections: {trouble}": _network(route, trouble)
        for route in ("web", "redis", "gett", "pos")
        for trouble in (Trouble.REFUSE, Trouble.CUT, Trouble.HALVE, Trouble.DELAY, Trouble.HANG)
    },
    **{f"{route} connections: garbage": _network(route, Trouble.GARBAGE) for route in ("gett", "pos")},
    "gett answers 429": _gett(_UPDATES, kind="status", status=429, seconds=1),
    "gett answers 500": _gett(_UPDATES, kind="status", status=500),
    "gett answers late": _gett(_UPDATES, kind="delay", seconds=6),
    "gett takes an update and does not answer": _gett(_UPDATES, kind="drop"),
    "gett loses receipts": _gett("placeOrder", kind="drop"),
    "gett sends twice": _gett("validateOrder,placeOrder", kind="duplicate"),
    "gett sends in another order": _gett("placeOrder", kind="reorder"),
    "gett signs with another secret": _gett("placeOrder", kind="wrong_signature"),
    **{f"pos {name.replace('_', ' ')}": _mishap(name) for name in MISHAPS},
    "prices change": _prices_change,
    "items run out": _items_run_out,
    "stores close": _stores_close,
    "deploy": _deploy,
    **({"a clock jumps": _clock_jumps} if CLOCKS.exists() else {}),
}
"""Calls of Gett's faults are named as in ``docs/sandbox.md``."""
