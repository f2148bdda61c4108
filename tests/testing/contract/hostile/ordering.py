"""Wrong about the menu, about carts, and about what becomes of an order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import count
from time import sleep
from typing import ClassVar
from uuid import uuid4

from tests.testing.contract.hostile.base import Small, all_lines, breaks, changed, choices, tickets_of
from webhook_kit.adapter import Capability, CatalogSet, Level, NotPlaced, Placed, Reason, Refused, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.bogus import BogusLookUp, BogusNative

__all__: list[str] = []

_Result = Placed | Refused
_CENT = Decimal("0.01")
_counter = count()


# -- the menu ----------------------------------------------------------------------------------------------------------


@breaks("test_ids_stay_the_same")
class _ChangesIds(Small):
    """A section has a new id at every fetch."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        menu = super().fetch_catalog(store)
        fresh = f"specials-{next(_counter)}"
        section = next(iter(menu.sections.values()))
        menu.sections[fresh] = section.model_copy(update={"section_id": fresh})
        next(iter(menu.catalogs.values())).section_ids.append(fresh)
        return menu


@breaks("test_the_menu_is_deterministic")
class _ShufflesTheMenu(Small):
    """A heading lists its dishes in another order at every fetch."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        menu = super().fetch_catalog(store)
        if next(_counter) % 2:
            next(iter(menu.sections.values())).item_ids.reverse()
        return menu


@breaks("test_everything_on_the_menu_can_be_ordered")
class _LacksAnOption(Small):
    """The POS has never heard of a dip that is on the menu."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        if "mayo" in (line.item_id for line in all_lines(order)):
            raise KeyError("mayo")
        return super().place_order(store, order, key)


# -- validation --------------------------------------------------------------------------------------------------------


@breaks("test_legal_carts_are_accepted")
class _RefusesLegalCarts(Small):
    """Two of a dish are too many to ask for."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        first = order.cart.line_items[0]
        if first.quantity == 2 and first.item_id != "cola":
            return Refused(Reason.ITEM_UNAVAILABLE, "not two of them")
        return super().quote(store, order)


@breaks("test_prices_are_right_to_the_cent")
class _OffByACent(Small):
    """Every quote is a cent too high."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        quoted = super().quote(store, order)
        return quoted if isinstance(quoted, Refused) else changed(quoted, sub_total=_CENT)


@breaks("test_validating_twice_gives_one_answer")
class _MovesThePrice(Small):
    """Another tax at every look at an order that has no number yet."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        quoted = super().quote(store, order)
        if isinstance(quoted, Refused) or order.gett_order_id:
            return quoted
        return changed(quoted, taxes=_CENT * next(_counter))


@breaks("test_a_quote_leaves_the_pos_untouched")
class _OpensATicketToQuote(Small):
    """A quote of an order that has no number yet leaves a ticket behind."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        if not order.gett_order_id:
            draft = PlaceOrderRequest.model_validate(order.to_wire())
            tickets_of(store).add(Placed(f"draft-{uuid4()}"), draft, store.id, str(uuid4()), native=False)
        return super().quote(store, order)


# -- placement ---------------------------------------------------------------------------------------------------------


@breaks(
    "test_the_pos_takes_our_key",
    "test_the_pos_takes_our_key_at_once",
    "test_a_reply_lost_after_the_pos_committed",
    "test_a_pos_that_answers_too_late",
    "test_redis_emptied_between_two_attempts",
)
class _ForgetsKeys(Small, BogusNative):
    """Promises native idempotency, and makes a ticket at every call."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        return super().place_order(store, order, str(uuid4()))


@breaks("test_the_pos_takes_our_key_at_once")
class _LooksThenWrites(Small, BogusNative):
    """Looks for the key, then writes the ticket: two calls at once both find nothing."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        if placed := tickets_of(store).placed(key):
            return placed
        if refused := self._unavailable(order, store):
            return refused
        sleep(0.1)
        placed = Placed(f"bogus-{uuid4()}", amounts=order.amounts)
        return tickets_of(store).add(placed, order, store.id, key, native=False)


@breaks(
    "test_a_ticket_is_found_by_its_order",
    "test_a_reply_lost_after_the_pos_committed",
    "test_a_pos_that_answers_too_late",
    "test_redis_emptied_between_two_attempts",
)
class _FindsNothing(Small, BogusLookUp):
    """Promises look-up, and never finds a ticket."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        return None


@breaks(
    "test_a_ticket_is_found_by_its_order",
    "test_a_request_lost_before_the_pos_committed",
    "test_wrong_carts_are_refused_where_they_are_wrong",
    "test_no_order_at_a_price_that_nobody_accepted",
    "test_no_order_at_a_stale_price",
    "test_an_item_that_ran_out_is_not_placed",
    "test_an_option_that_ran_out_is_not_placed",
    "test_a_closed_store_takes_no_order",
)
class _FindsAnything(Small):
    """Finds a ticket whatever it is asked for; and what is found is never refused."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        return super().find_order(store, order_ref) or Placed("the-first-that-came-up")


@breaks(
    "test_modifiers_reach_the_ticket",
    "test_repeated_modifiers_reach_the_ticket",
    "test_nested_modifiers_reach_the_ticket",
)
class _LosesModifiers(Small):
    """Dishes reach the POS, what was chosen for them does not."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        order = order.model_copy(deep=True)
        for line in order.cart.line_items:
            line.modifier_groups = []
        return super().place_order(store, order, key)


@breaks("test_nested_modifiers_reach_the_ticket")
class _LosesNestedModifiers(Small):
    """What was chosen reaches the POS, what was chosen for that does not."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        order = order.model_copy(deep=True)
        for choice in choices(order.cart.line_items):
            choice.modifier_groups = []
        return super().place_order(store, order, key)


@breaks("test_repeated_modifiers_reach_the_ticket")
class _CountsModifiersOnce(Small):
    """Double cheese is cheese."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        order = order.model_copy(deep=True)
        for choice in choices(order.cart.line_items):
            choice.quantity = 1
        return super().place_order(store, order, key)


@breaks("test_quantities_reach_the_ticket")
class _IgnoresQuantities(Small):
    """Three of a dish are one."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        order = order.model_copy(deep=True)
        for line in order.cart.line_items:
            line.quantity = 1
        return super().place_order(store, order, key)


@breaks(
    "test_an_order_becomes_one_ticket",
    "test_a_ticket_is_found_by_its_order",
    "test_progress_reaches_gett",
    "test_events_out_of_order_and_twice",
    "test_events_of_unknown_orders",
    "test_forged_events_are_refused",
    "test_garbage_is_refused",
    "test_a_lost_event_is_found",
    "test_a_closed_order_is_found",
    "test_an_order_is_cancelled_in_time",
    "test_a_cancellation_that_comes_too_late",
)
class _NumbersItsOwnWay(Small):
    """Answers with an id that the POS does not know: whatever the POS says of the order later finds nobody."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        placed = super().place_order(store, order, key)
        return placed if isinstance(placed, Refused) else Placed(f"#{placed.id}", amounts=placed.amounts)


@breaks("test_a_pos_that_is_down")
class _QueuesForLater(Small):
    """Says that an order is placed while the POS is down, and means to place it some day."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED,
        Capability.QUOTE: Level.UNSUPPORTED,
    }

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        try:
            return super().place_order(store, order, key)
        except NotPlaced:
            return Placed(f"queued-{key}", amounts=order.amounts)


@breaks("test_the_pos_charges_what_was_accepted")
class _ChargesMore(Small):
    """Fifty cents on top of what was accepted."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        order = order.model_copy(deep=True)
        order.amounts = changed(order.amounts or Amounts(), adjustments=Decimal("0.50"))
        return super().place_order(store, order, key)


@breaks("test_the_tip_reaches_the_ticket")
class _KeepsTheTip(Small):
    """The tip reaches the POS as somebody's adjustment."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        order = order.model_copy(deep=True)
        order.amounts = changed(order.amounts or Amounts(), adjustments=order.tip, tip=-order.tip)
        return super().place_order(store, order, key)


@breaks("test_instructions_of_every_alphabet_arrive")
class _WritesAscii(Small):
    """Instructions go to the POS in the alphabet of 1963."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        order = order.model_copy(deep=True)
        if order.delivery_info and order.delivery_info.instructions:
            order.delivery_info.instructions = order.delivery_info.instructions.encode("ascii", "replace").decode()
        return super().place_order(store, order, key)


@breaks("test_very_long_names_are_no_reason_to_lose_an_order")
class _HasShortFields(Small):
    """A name of more than 64 letters is nobody's."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        if order.customer and len(order.customer.last_name or "") > 64:
            raise ValueError("value too long for type character varying(64)")
        return super().place_order(store, order, key)
