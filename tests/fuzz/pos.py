"""Points of sale without a network: one in memory, and one whose answers are part of the input."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import requests

from webhook_kit.adapter import Capability, CatalogSet, Level, Placed, PosOrder, Refused, Store, StoreState
from webhook_kit.catalog.unavailable import remove_items
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.bogus_products import OUTCOMES

__all__ = ["CannedAnswers", "MemoryPos"]

_CATALOG = remove_items(bogus_catalog(), OUTCOMES)


class MemoryPos(BogusAdapter):
    """The fake POS with its tickets in memory: it takes every order, and parses events as the fake POS does."""

    name = "memory"
    capabilities: ClassVar[Mapping[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED}
    placed: ClassVar[dict[str, Placed]] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        return _CATALOG

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        return order.amounts or Amounts()

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        return self.placed.setdefault(key, Placed(f"ticket-{len(self.placed)}", amounts=order.amounts))

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        return None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return []

    def store_status(self, store: Store) -> StoreState:
        return StoreState.OPEN


class CannedAnswers(requests.Session):
    """Session of an adapter whose calls are answered with texts that a target has set.

    :ivar bodies: of the next answers; the last one is repeated.
    """

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.bodies: list[bytes] = [b""]
        self._lock = threading.Lock()

    def request(self, *_arguments: Any, **_options: Any) -> requests.Response:
        """Return the next answer."""
        answer = requests.Response()
        answer.status_code = self.status
        with self._lock:
            answer._content = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        return answer
