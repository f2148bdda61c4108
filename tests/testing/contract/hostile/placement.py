"""Hostile adapters with a wrong ``place_order`` or ``find_order``."""

from __future__ import annotations

from decimal import Decimal
from time import sleep
from uuid import uuid4

from tests.testing.contract.hostile.base import (
    PlaceResult,
    SmallCatalog,
    breaks,
    changed_amounts,
    selected_modifiers,
    tickets_of,
)
from webhook_kit.adapter import Placed, Refused, Store
from webhook_kit.gett.models.order import Amounts, PlaceOrderRequest
from webhook_kit.testing.bogus import BogusLookUp, BogusNative

__all__: list[str] = []


@breaks(
    "test_pos_honours_the_idempotency_key",
    "test_pos_honours_the_idempotency_key_concurrently",
    "test_retry_after_lost_reply_creates_no_second_ticket",
    "test_retry_after_timeout_creates_no_second_ticket",
    "test_retry_after_redis_loss_creates_no_second_ticket",
)
class _IgnoresKeys(SmallCatalog, BogusNative):
    """Declares native idempotency, but creates a ticket at every call."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        return super().place_order(store, order, str(uuid4()))


@breaks("test_pos_honours_the_idempotency_key_concurrently")
class _SearchesThenWrites(SmallCatalog, BogusNative):
    """Searches for the key, then writes the ticket. Of two concurrent calls, both find nothing."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        if placed := tickets_of(store).placed(key):
            return placed
        if refused := self._unavailable(order, store):
            return refused
        sleep(0.1)
        placed = Placed(f"bogus-{uuid4()}", amounts=order.amounts)
        return tickets_of(store).add(placed, order, store.id, key, native=False)


@breaks(
    "test_find_order_finds_the_ticket",
    "test_retry_after_lost_reply_creates_no_second_ticket",
    "test_retry_after_timeout_creates_no_second_ticket",
    "test_retry_after_redis_loss_creates_no_second_ticket",
)
class _FindsNothing(SmallCatalog, BogusLookUp):
    """Declares look-up, but never finds a ticket."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        return None


@breaks(
    "test_find_order_finds_the_ticket",
    "test_retry_after_lost_request_places_the_order",
    "test_invalid_carts_are_refused_with_code_and_path",
    "test_wrong_total_is_refused",
    "test_stale_price_is_refused",
    "test_unavailable_item_is_refused",
    "test_unavailable_option_is_refused",
    "test_closed_store_refuses_orders",
)
class _FindsAnotherTicket(SmallCatalog):
    """Finds a ticket for every order. The kit does not refuse an order that already has a ticket."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        return super().find_order(store, order_ref) or Placed("another-ticket")


@breaks(
    "test_modifiers_reach_the_ticket",
    "test_repeated_modifiers_reach_the_ticket",
    "test_nested_modifiers_reach_the_ticket",
)
class _LosesModifiers(SmallCatalog):
    """Sends items to the POS without their modifiers."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        order = order.model_copy(deep=True)
        for line in order.cart.line_items:
            line.modifier_groups = []
        return super().place_order(store, order, key)


@breaks("test_nested_modifiers_reach_the_ticket")
class _LosesNestedModifiers(SmallCatalog):
    """Sends modifiers to the POS without their own modifiers."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        order = order.model_copy(deep=True)
        for modifier in selected_modifiers(order.cart.line_items):
            modifier.modifier_groups = []
        return super().place_order(store, order, key)


@breaks("test_repeated_modifiers_reach_the_ticket")
class _CountsModifiersOnce(SmallCatalog):
    """Sends a modifier selected twice to the POS only once."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        order = order.model_copy(deep=True)
        for modifier in selected_modifiers(order.cart.line_items):
            modifier.quantity = 1
        return super().place_order(store, order, key)


@breaks("test_quantities_reach_the_ticket")
class _IgnoresQuantities(SmallCatalog):
    """Sends one piece of every item to the POS."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        order = order.model_copy(deep=True)
        for line in order.cart.line_items:
            line.quantity = 1
        return super().place_order(store, order, key)


@breaks(
    "test_order_becomes_one_ticket",
    "test_find_order_finds_the_ticket",
    "test_progress_is_sent_to_gett",
    "test_late_and_repeated_events_are_ignored",
    "test_events_of_unknown_orders_are_ignored",
    "test_forged_events_are_rejected",
    "test_malformed_events_are_rejected",
    "test_reconciliation_finds_a_missed_step",
    "test_reconciliation_finds_a_closed_order",
    "test_cancel_order_cancels_the_ticket",
    "test_cancel_order_fails_for_a_closed_order",
    "test_parse_event_reports_failures",
    "test_ticket_ids_are_not_used_again",
)
class _ReturnsAnotherId(SmallCatalog):
    """Returns an id that the POS does not know. Later events of the order match no order."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        placed = super().place_order(store, order, key)
        return placed if isinstance(placed, Refused) else Placed(f"#{placed.id}", amounts=placed.amounts)


@breaks("test_pos_charges_the_accepted_total")
class _ChargesMore(SmallCatalog):
    """Charges fifty cents more than the customer accepted."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        order = order.model_copy(deep=True)
        order.amounts = changed_amounts(order.amounts or Amounts(), adjustments=Decimal("0.50"))
        return super().place_order(store, order, key)


@breaks("test_tip_reaches_the_ticket")
class _TurnsTheTipIntoAnAdjustment(SmallCatalog):
    """Sends the tip to the POS as an adjustment."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        order = order.model_copy(deep=True)
        order.amounts = changed_amounts(order.amounts or Amounts(), adjustments=order.tip, tip=-order.tip)
        return super().place_order(store, order, key)


@breaks("test_unicode_instructions_reach_the_ticket")
class _ConvertsToAscii(SmallCatalog):
    """Converts the instructions to ASCII."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        order = order.model_copy(deep=True)
        if order.delivery_info and order.delivery_info.instructions:
            order.delivery_info.instructions = order.delivery_info.instructions.encode("ascii", "replace").decode()
        return super().place_order(store, order, key)


@breaks("test_long_names_and_instructions_are_accepted")
class _RejectsLongNames(SmallCatalog):
    """Fails when a name is longer than 64 characters."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        if order.customer and len(order.customer.last_name or "") > 64:
            raise ValueError("value too long for type character varying(64)")
        return super().place_order(store, order, key)
