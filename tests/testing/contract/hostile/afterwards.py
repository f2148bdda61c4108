"""Wrong about what cannot be had, about what the POS says, and about what nobody may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

import structlog

from tests.testing.contract.hostile.base import Small, breaks, unless
from webhook_kit.adapter import CatalogSet, NotPlaced, Placed, PosEvent, PosOrder, Reason, Refused, Store, StoreState
from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest

__all__: list[str] = []

_Result = Placed | Refused
_LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
log = structlog.get_logger()


# -- refusals ----------------------------------------------------------------------------------------------------------


@breaks("test_no_order_at_a_stale_price")
class _RemembersTheMenu(Small):
    """A store's first menu is its last."""

    menus: ClassVar[dict[str, CatalogSet]] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        if store.id not in self.menus:
            self.menus[store.id] = super().fetch_catalog(store)
        return self.menus[store.id].model_copy(deep=True)


@breaks(
    "test_an_item_that_ran_out_is_not_placed",
    "test_an_option_that_ran_out_is_not_placed",
    "test_validation_knows_what_ran_out",
)
class _SellsWhatIsGone(Small):
    """Nothing ever runs out."""

    def _unavailable(self, order: ExternalOrder, store: Store) -> Refused | None:
        return unless(Reason.ITEM_UNAVAILABLE, super()._unavailable(order, store))


@breaks("test_an_option_that_ran_out_is_not_placed")
class _SellsOptionsThatAreGone(Small):
    """Dishes run out, what is chosen for them does not."""

    def _unavailable(self, order: ExternalOrder, store: Store) -> Refused | None:
        dishes = order.model_copy(deep=True)
        for line in dishes.cart.line_items:
            line.modifier_groups = []
        return super()._unavailable(dishes, store)


@breaks("test_validation_knows_what_ran_out")
class _QuotesWhatIsGone(Small):
    """What ran out is found out when it is placed, after the guest has paid."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        nothing = order.cart.model_copy(update={"line_items": []})
        return super().quote(store, order.model_copy(update={"cart": nothing}))


@breaks("test_a_closed_store_takes_no_order")
class _NeverCloses(Small):
    """Takes orders at any hour."""

    def _unavailable(self, order: ExternalOrder, store: Store) -> Refused | None:
        return unless(Reason.STORE_CLOSED, super()._unavailable(order, store))


@breaks("test_the_status_tells_whether_the_pos_takes_orders")
class _SaysItIsOpen(Small):
    """Open, whatever happens."""

    def store_status(self, store: Store) -> StoreState:
        return StoreState.OPEN


# -- progress ----------------------------------------------------------------------------------------------------------


@breaks("test_progress_reaches_gett", "test_events_out_of_order_and_twice", "test_events_of_unknown_orders")
class _HearsNothing(Small):
    """Takes every event, and makes nothing of it."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        super().parse_event(headers, body, stores)
        return []


@breaks("test_events_of_unknown_orders")
class _KnowsOnlyItsOwn(Small):
    """Fails on events of orders that did not come through Gett."""

    ours: ClassVar[set[str]] = set()

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        placed = super().place_order(store, order, key)
        if isinstance(placed, Placed) and not order.order_ref.startswith("walk-in"):
            self.ours.add(placed.id)
        return placed

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        said = super().parse_event(headers, body, stores)
        if any(getattr(event, "order_id", "") not in self.ours for event in said):
            raise RuntimeError("no such order")
        return said


@breaks("test_forged_events_are_refused")
class _BelievesAnyone(Small):
    """Whoever sends an event is the POS."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        return super().parse_event({**headers, "x-bogus-secret": "bogus-secret"}, body, stores)


@breaks("test_garbage_is_refused")
class _FailsOnGarbage(Small):
    """A body that is no event is everybody's fault."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        try:
            return super().parse_event(headers, body, stores)
        except InvalidSignature:
            raise
        except Exception as error:
            raise RuntimeError("cannot read this") from error


@breaks("test_a_closed_order_is_found")
class _ForgetsEndedOrders(Small):
    """Tells of open orders only."""

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return [order for order in super().orders_since(store, since) if order.state is None]


@breaks("test_a_lost_event_is_found", "test_a_closed_order_is_found")
class _KnowsNoOrders(Small):
    """Tells of no order at all."""

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return []


@breaks("test_a_cancellation_that_comes_too_late")
class _CancelsTooLate(Small):
    """Says that it cancelled what had been handed over."""

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        try:
            super().cancel_order(store, order, reason)
        except LookupError:
            return


@breaks("test_an_order_is_cancelled_in_time")
class _CancelsNothing(Small):
    """Says that it cancelled, and does not."""

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        if order.id in {known.id for known in self.orders_since(store, _LONG_AGO) if known.state}:
            raise LookupError(order.id)


# -- safety ------------------------------------------------------------------------------------------------------------


@breaks("test_credentials_are_in_no_repr")
class _KeepsCredentials(Small):
    """Remembers the store it was last called for."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        self._headers = {"Authorization": f"Bearer {store.credentials['token']}"}
        return super().place_order(store, order, key)


@breaks("test_nothing_secret_is_logged")
class _LogsCredentials(Small):
    """Logs what it calls the POS with."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        log.info("calling the pos", credentials=dict(store.credentials))
        return super().place_order(store, order, key)


@breaks("test_nothing_secret_is_logged")
class _PrintsTheGuest(Small):
    """Prints whom the order is for."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        if order.customer:
            print("order for", order.customer.first_name)  # noqa: T201 - which is the point
        return super().place_order(store, order, key)


@breaks("test_nothing_secret_is_in_an_exception", "test_nothing_secret_is_logged")
class _TellsInExceptions(Small):
    """Explains a failure with everything it knows; the kit then logs it."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        try:
            return super().quote(store, order)
        except NotPlaced as error:
            raise RuntimeError(f"no answer with {dict(store.credentials)}") from error


@breaks("test_the_card_stays_out_of_the_answer")
class _AnswersWithTheCard(Small):
    """Numbers an order after the card it is paid with."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> _Result:
        placed = super().place_order(store, order, key)
        if isinstance(placed, Refused) or order.payment is None or order.payment.card_token is None:
            return placed
        return Placed(f"{placed.id}/{order.payment.card_token}", amounts=placed.amounts)
