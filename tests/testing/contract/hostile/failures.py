"""Hostile adapters that handle failures of the POS wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tests.testing.contract.hostile.base import PlaceResult, SmallCatalog, breaks
from webhook_kit.adapter import Capability, Level, NotPlaced, Placed, Store, StoreState
from webhook_kit.gett.models.order import PlaceOrderRequest

__all__: list[str] = []


@breaks("test_retry_after_outage_places_the_order")
class _QueuesForLater(SmallCatalog):
    """Reports an order as placed while the POS is down, and queues it."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED,
        Capability.QUOTE: Level.UNSUPPORTED,
    }

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        try:
            return super().place_order(store, order, key)
        except NotPlaced:
            return Placed(f"queued-{key}", amounts=order.amounts)


@breaks("test_store_status_follows_the_pos")
class _AlwaysOpen(SmallCatalog):
    """Reports the store as open in every case."""

    def store_status(self, store: Store) -> StoreState:
        return StoreState.OPEN
