"""Customers, who order through Gett all the time: at a steady rate, and in bursts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import requests

from tests.storm.gett import Gett
from tests.storm.options import StormOptions
from webhook_kit.adapter import Store
from webhook_kit.dev.random_customer import RandomCustomer
from webhook_kit.gett.models.catalog import ExternalCatalogSet

__all__ = ["Customers", "Placing"]

_BURST_EVERY = 30.0
_ASK_AGAIN = 2.0
_THREADS = 48
_CATALOG_AGE = 10.0
_UTC = ZoneInfo("UTC")


@dataclass(slots=True)
class Placing:
    """An order as its customer knows it.

    :ivar key: the Idempotency-Key of all calls of its customer.
    :ivar told: the answer of Gett: the placed order, or the reason of its refusal. None while Gett has not decided.
    :ivar accepted: True or False once it is told.
    """

    key: str
    store: Store
    began: float
    body: dict[str, Any]
    told: Any = None
    accepted: bool | None = None
    ended: float = 0.0
    calls: int = 0


@dataclass(slots=True)
class _Menus:
    """The catalogs that Gett shows, read again when they are old."""

    gett: Gett
    ids: dict[str, str] = field(default_factory=dict)
    sets: dict[str, ExternalCatalogSet] = field(default_factory=dict)

    def refresh(self) -> None:
        ids = self.gett.catalogs()
        for id in set(ids.values()) - set(self.sets):
            answer = self.gett.market("GET", f"catalog-sets/{id}")
            if answer.status_code == 200:
                self.sets[id] = ExternalCatalogSet.from_json(answer.content)
        self.ids = {store: id for store, id in ids.items() if id in self.sets}


class Customers:
    """A context manager: they order until :meth:`finish`.

    :ivar placings: every order that a customer tried to place, by its key.
    :ivar given_up: carts that were never placed, by the reason.
    """

    def __init__(self, gett: Gett, stores: list[Store], options: StormOptions) -> None:
        self._gett, self._stores, self._options = gett, stores, options
        self._random = Random(f"{options.seed} customers")
        self._menus = _Menus(gett)
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(_THREADS, "customer")
        self._pending = 0
        self._lock = threading.Lock()
        self._new: list[Placing] = []
        self._open: list[Placing] = []
        self.placings: dict[str, Placing] = {}
        self.given_up: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=each, daemon=True) for each in (self._arrive, self._ask, self._read_menus)
        ]
        self._no_more = threading.Event()

    def __enter__(self) -> Self:
        self._menus.refresh()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._no_more.set()
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def finish(self) -> None:
        """Let nobody begin another order."""
        self._no_more.set()

    def waiting(self) -> int:
        """Return the number of orders of which their customer knows nothing yet."""
        return self._pending + len(self._undecided())

    # -- arrival -------------------------------------------------------------------------------------------------------

    def _arrive(self) -> None:
        for at in self._arrivals():
            if self._no_more.wait(max(0.0, at - time.monotonic())):
                return
            draw = Random(self._random.getrandbits(64))
            # A customer who sees that nothing moves goes elsewhere; so a busy machine is not drowned by the retries of Gett.
            if self.waiting() > self._options.patience:
                self._give_up("too many wait")
                continue
            self._pending += 1
            self._pool.submit(self._order, draw)

    def _arrivals(self) -> Iterator[float]:
        now = time.monotonic()
        burst = now + self._random.uniform(5, _BURST_EVERY)
        while True:
            now += self._random.expovariate(self._options.rate)
            yield now
            if now > burst and self._options.burst:
                yield from (now + each * 0.05 for each in range(self._options.burst))
                burst = now + self._random.uniform(0.5, 1.5) * _BURST_EVERY

    def _read_menus(self) -> None:
        while not self._stop.wait(_CATALOG_AGE):
            with suppress(requests.RequestException):
                self._menus.refresh()

    # -- one order -----------------------------------------------------------------------------------------------------

    def _order(self, random: Random) -> None:
        try:
            store = random.choice(self._stores)
            body = self._validated(store, random)
            if body is not None:
                placing = Placing(str(UUID(int=random.getrandbits(128), version=4)), store, time.time(), body)
                self.placings[placing.key] = placing
                self._new.append(placing)
                self._place(placing)
        except requests.RequestException as error:
            self._give_up(type(error).__name__)
        finally:
            self._pending -= 1

    def _validated(self, store: Store, random: Random) -> dict[str, Any] | None:
        """Return the body of a placement, after its validation."""
        catalog_id = self._menus.ids[store.gett_id]
        catalog = self._menus.sets[catalog_id]
        cart = RandomCustomer(catalog, _UTC, random).cart()
        order = {
            "cart": {"catalogSetId": catalog_id, "storeId": store.gett_id, **cart},
            "fulfillmentType": "Pickup",
            "customer": {
                "partnerUserId": f"user-{random.getrandbits(32)}",
                "firstName": "Jo",
                "lastName": "Doe",
                "email": "jo@example.org",
                "phone": "+12125550100",
            },
            "amounts": {"tip": random.choice([0, 0, 1.5, 2.25])},
        }
        answer = self._gett.market("POST", "orders/validate", order)
        validated = answer.json()
        if answer.status_code != 200 or not validated.get("isValid"):
            codes = [error.get("code") for error in validated.get("errors") or []] or [answer.status_code]
            self._give_up(f"not valid: {codes[0]}")
            return None
        return {
            **order,
            "amounts": validated["amounts"],
            "validatedOrderToken": validated["validatedOrderToken"],
            "payment": {"type": "gettPayment"},
        }

    def _place(self, placing: Placing) -> None:
        """Send the placement once, and keep the answer if it is final."""
        headers = {"Idempotency-Key": placing.key}
        placing.calls += 1
        with suppress(requests.RequestException):  # asked again later
            answer = self._gett.market("POST", "orders/place", placing.body, **headers)
            told = answer.json()
            if answer.status_code == 200:
                placing.told, placing.accepted = told, True
            elif answer.status_code < 500 and not told.get("retryable"):
                placing.told, placing.accepted = told, False
            placing.ended = time.time()

    def _ask(self) -> None:
        """Repeat each placement that is not decided, as a customer's app does."""
        while not self._stop.wait(_ASK_AGAIN):
            for placing in self._undecided():
                if time.time() - max(placing.began, placing.ended) > _ASK_AGAIN:
                    self._place(placing)

    def _undecided(self) -> list[Placing]:
        """Return the orders that are not decided; a decided one is looked at once."""
        with self._lock:
            while self._new:
                self._open.append(self._new.pop())
            self._open = [placing for placing in self._open if placing.accepted is None]
            return list(self._open)

    def _give_up(self, reason: str) -> None:
        self.given_up[reason] = self.given_up.get(reason, 0) + 1
