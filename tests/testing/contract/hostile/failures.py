"""Hostile adapters that handle failures of the POS wrongly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from tests.testing.contract.hostile.base import PlaceResult, SmallCatalog, breaks, tickets_of
from webhook_kit.adapter import (
    Capability,
    CatalogSet,
    Level,
    NotPlaced,
    Placed,
    PosEvent,
    PosOrder,
    Reason,
    Refused,
    Store,
    StoreState,
    Unsupported,
)
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.bogus import BogusLookUp

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


@breaks("test_place_order_reports_failures", "test_retry_after_outage_places_the_order")
class _RefusesOrdersWhileThePosIsDown(SmallCatalog):
    """Refuses an order when the POS does not answer: the refusal is final."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED,
        Capability.QUOTE: Level.UNSUPPORTED,
    }

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        try:
            return super().place_order(store, order, key)
        except NotPlaced:
            return Refused(Reason.STORE_UNREACHABLE, "the POS does not answer")


@breaks("test_store_status_follows_the_pos", "test_store_status_reports_failures")
class _AlwaysOpen(SmallCatalog):
    """Reports the store as open in every case."""

    def store_status(self, store: Store) -> StoreState:
        return StoreState.OPEN


@breaks("test_find_order_reports_failures")
class _FindsNothingWhileThePosIsDown(SmallCatalog, BogusLookUp):
    """Reports a ticket as missing when the search fails: the order is placed again."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        try:
            return super().find_order(store, order_ref)
        except Exception:  # noqa: BLE001 - the mistake itself
            return None


@breaks("test_quote_reports_failures")
class _QuotesWithoutThePos(SmallCatalog):
    """Quotes the catalog's price, without taxes, when the POS does not answer."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        try:
            return super().quote(store, order)
        except NotPlaced:
            return order.amounts or Amounts()


@breaks("test_quote_reports_failures")
class _RefusesWhileThePosIsDown(SmallCatalog):
    """Refuses every order when the POS does not answer: the refusal is final."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        try:
            return super().quote(store, order)
        except NotPlaced:
            return Refused(Reason.STORE_UNREACHABLE, "the POS does not answer")


@breaks("test_quote_reports_failures")
class _CannotQuoteWhileThePosIsDown(SmallCatalog):
    """States that the POS cannot quote when it does not answer."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        try:
            return super().quote(store, order)
        except NotPlaced as error:
            raise Unsupported("quote") from error


@breaks("test_orders_since_reports_failures")
class _ReportsNoOrdersWhileThePosIsDown(SmallCatalog):
    """Returns no orders when the POS does not answer."""

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        try:
            return super().orders_since(store, since)
        except NotPlaced:
            return []


@breaks("test_cancel_order_reports_failures")
class _CancelsWithoutThePos(SmallCatalog):
    """Returns without an exception when the POS does not answer."""

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        try:
            super().cancel_order(store, order, reason)
        except NotPlaced:
            return


@breaks("test_fetch_catalog_reports_failures")
class _ReturnsAPartOfTheCatalog(SmallCatalog):
    """Returns the catalog without drinks when the POS does not answer."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        try:
            return super().fetch_catalog(store)
        except NotPlaced:
            catalog = super().fetch_catalog(replace(store, options={}))
            for section in catalog.sections.values():
                section.item_ids = [item for item in section.item_ids if item != "cola"]
            return catalog


@breaks("test_parse_event_reports_failures")
class _ForgetsEventsWhileThePosIsDown(SmallCatalog):
    """Reads the order of an event from the POS, and accepts the event without it when the POS does not answer."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        events = super().parse_event(headers, body, stores)
        return events if all(tickets_of(store).reachable() for store in stores.values()) else []
