"""Orders and their updates, without a pause, from customers of several stores; each is tried again until it is taken, as Gett and a POS do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Self

import requests

from tests.scenario.restaurant_env import LEVELS, Order, RestaurantEnv
from webhook_kit.sandbox.local_gett import WebhookResponse
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import PATIENCE, wait_until

__all__ = ["STEPS", "Traffic"]

STEPS = ["confirmed", "preparing", "ready", "completed"]
"""Steps of each order; the first is sent with its placement."""

_SECRET = {"x-bogus-secret": "bogus-secret"}
_PAUSE = 0.05
"""Seconds between two attempts."""


class Traffic:
    """A context manager: customers order until :meth:`finish`.

    :param levels: stores at which they order, by their guarantee.
    :ivar accepted: orders that Gett was answered 200, with the answer.
    :ivar answers: begin and end (monotonic) and HTTP status of each request, with an order or an event of the POS.
    """

    def __init__(self, restaurant: RestaurantEnv, seed: int, levels: tuple[str, ...], *, customers: int = 4) -> None:
        self._restaurant = restaurant
        self._levels = levels
        self._finishing = threading.Event()
        self._randoms = [Random(f"{seed} {number}") for number in range(customers)]
        self._pool = ThreadPoolExecutor(customers)
        self._customers: list[Future[None]] = []
        self.accepted: list[tuple[Order, WebhookResponse]] = []
        self.answers: list[tuple[float, float, int]] = []

    def __enter__(self) -> Self:
        self._customers = [self._pool.submit(self._order, random) for random in self._randoms]
        return self

    def __exit__(self, *_exc: object) -> None:
        self._finishing.set()
        self._pool.shutdown()

    def finish(self) -> None:
        """Let each customer end the order that was begun."""
        self._finishing.set()
        for customer in self._customers:
            customer.result(2 * PATIENCE)

    def wait_accepted(self, number: int) -> None:
        """Wait for so many more orders."""
        target = len(self.accepted) + number
        wait_until(
            lambda: len(self.accepted) >= target or any(customer.done() for customer in self._customers),
            message=f"{number} more orders",
        )

    def wait_recovery(self, since: float) -> float:
        """Wait until something is taken that was sent after a moment, and return the moment at which it was."""

        def recovered() -> float | None:
            return next((end for begin, end, status in list(self.answers) if begin > since and status < 300), None)

        moment = wait_until(recovered, message="an order or event to be taken after the loss of the primary")
        assert moment is not None
        return moment

    def at_gett(self, order: Order) -> list[str]:
        """Return the steps of an order that Gett has taken."""
        return [
            str(update.body.get("state") or update.body.get("status")).lower()
            for update in self._restaurant.stack.gett.update_log.updates(order.gett_id)
            if update.status < 300
        ]

    # -- customers and POS ---------------------------------------------------------------------------------------------

    def _order(self, random: Random) -> None:
        while not self._finishing.is_set():
            order = Order(random.choice(self._levels), ("cola",))
            response = self._until_taken(partial(self._restaurant.place, order))
            assert response.status == 200, response.body
            self.accepted.append((order, response))
            for step in STEPS[1:]:
                time.sleep(random.uniform(0, 0.3))
                self._report(order, str(response.body["partnerOrderId"]), step)

    def _report(self, order: Order, ticket: str, step: str) -> None:
        """Move a ticket of the POS, which then reports it to the kit."""
        BogusAdapter.advance(self._restaurant.pos_file(order.level), ticket, step)
        member = "state" if step == "completed" else "status"
        event = {"type": "order", "store_id": order.level, "order_ref": order.ref, member: step}
        url = f"{self._restaurant.stack.urls[0]}/pos/tests.scenario.pos_variants:{LEVELS[order.level]}/events"

        def post() -> WebhookResponse:
            body = json.dumps({"events": [event]})
            response = requests.post(url, data=body, headers=_SECRET, timeout=PATIENCE)
            return WebhookResponse(response.status_code, response.text, response.headers)

        response = self._until_taken(post)
        assert response.status < 300, response.body

    def _until_taken(self, send: Callable[[], WebhookResponse]) -> WebhookResponse:
        end = time.monotonic() + 2 * PATIENCE
        while True:
            begin = time.monotonic()
            response = send()
            self.answers.append((begin, time.monotonic(), response.status))
            if response.status not in (409, 503):
                return response
            assert time.monotonic() < end, response.body
            time.sleep(_PAUSE)
