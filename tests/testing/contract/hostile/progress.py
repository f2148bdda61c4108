"""Hostile adapters with wrong events, reconciliation or cancellation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from tests.testing.contract.hostile.base import PlaceResult, SmallCatalog, breaks
from webhook_kit.adapter import Placed, PosEvent, PosOrder, Store
from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.models.order import PlaceOrderRequest

__all__: list[str] = []

_LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


@breaks(
    "test_progress_is_sent_to_gett",
    "test_late_and_repeated_events_are_ignored",
    "test_events_of_unknown_orders_are_ignored",
    "test_parse_event_reports_failures",
)
class _DropsEvents(SmallCatalog):
    """Accepts every event and ignores it."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        super().parse_event(headers, body, stores)
        return []


@breaks("test_events_of_unknown_orders_are_ignored")
class _FailsOnUnknownOrders(SmallCatalog):
    """Fails on events of orders that are not from Gett."""

    known_ids: ClassVar[set[str]] = set()

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        placed = super().place_order(store, order, key)
        if isinstance(placed, Placed) and not order.order_ref.startswith("walk-in"):
            self.known_ids.add(placed.id)
        return placed

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        events = super().parse_event(headers, body, stores)
        if any(getattr(event, "order_id", "") not in self.known_ids for event in events):
            raise RuntimeError("no such order")
        return events


@breaks("test_forged_events_are_rejected")
class _AcceptsForgedEvents(SmallCatalog):
    """Accepts events without the POS's secret."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        return super().parse_event({**headers, "x-bogus-secret": "bogus-secret"}, body, stores)


@breaks("test_malformed_events_are_rejected")
class _FailsOnMalformedEvents(SmallCatalog):
    """Reports a malformed event as its own failure."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        try:
            return super().parse_event(headers, body, stores)
        except InvalidSignature:
            raise
        except Exception as error:
            raise RuntimeError("cannot read this") from error


@breaks("test_reconciliation_finds_a_closed_order")
class _OmitsClosedOrders(SmallCatalog):
    """Returns open orders only."""

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return [order for order in super().orders_since(store, since) if order.state is None]


@breaks("test_reconciliation_finds_a_missed_step", "test_reconciliation_finds_a_closed_order")
class _ReportsNoOrders(SmallCatalog):
    """Returns no orders."""

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return []


@breaks("test_cancel_order_fails_for_a_closed_order")
class _ConfirmsLateCancellations(SmallCatalog):
    """Returns without an exception when the order was already handed over."""

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        try:
            super().cancel_order(store, order, reason)
        except LookupError:
            return


@breaks("test_cancel_order_cancels_the_ticket")
class _CancelsNothing(SmallCatalog):
    """Returns without an exception, but does not cancel."""

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        if order.id in {known.id for known in self.orders_since(store, _LONG_AGO) if known.state}:
            raise LookupError(order.id)
