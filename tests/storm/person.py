"""The person who settles orders in doubt, after a look at the POS, as an operator does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.storm.installation import Installation
from tests.storm.ledger import Ledger
from webhook_kit.errors import WebhookKitError
from webhook_kit.operations import actions
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.operations.health_of_orders import orders_in_doubt

__all__ = ["Person"]

_PATIENCE = {"claim": 25.0, "native": 90.0}
"""Seconds that an order is in doubt before the person settles it: no call of the POS lasts as long, and a retry of Gett settles most of *native*."""

_JO = Actor("jo", Role.OPERATOR, "storm")


class Person:
    """Settles orders in doubt of stores whose POS the kit cannot ask.

    :ivar settled: number of orders settled.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._ledger = Ledger(installation.ledger_file, reading=True)
        self._seen: dict[str, float] = {}
        self._stop = threading.Event()
        self.settled = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Settle within the block."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _work(self) -> None:
        while not self._stop.wait(5):
            try:
                self._settle()
            except (redis.RedisError, WebhookKitError):
                continue  # the page of a person shows an error, too; the next look may work

    def _settle(self) -> None:
        kit = self._installation.kit
        for order in orders_in_doubt(kit):
            patience = _PATIENCE.get(order.store_id.rpartition("-")[0])
            since = self._seen.setdefault(order.ref, time.monotonic())
            if patience is None or time.monotonic() - since < patience:
                continue
            ticket = self._ledger.by_ref(order.store_id, order.ref)
            if ticket is None:
                actions.settle_not_placed(kit, _JO, order.ref, "not at the POS")
            else:
                actions.settle_placed(kit, _JO, order.ref, ticket.id, "at the POS")
            self._seen.pop(order.ref)
            self.settled += 1
