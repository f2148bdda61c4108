"""Hostile adapters with a wrong ``quote``."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from uuid import uuid4

from tests.testing.contract.hostile.base import SmallCatalog, breaks, changed_amounts, tickets_of
from webhook_kit.adapter import Placed, Reason, Refused, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest

__all__: list[str] = []

_CENT = Decimal("0.01")
_counter = count()


@breaks("test_valid_carts_are_accepted")
class _RefusesValidCarts(SmallCatalog):
    """Refuses two pieces of an item."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        first = order.cart.line_items[0]
        if first.quantity == 2 and first.item_id != "cola":
            return Refused(Reason.ITEM_UNAVAILABLE, "not two of them")
        return super().quote(store, order)


@breaks("test_prices_are_exact_to_the_cent")
class _QuotesACentTooMuch(SmallCatalog):
    """Quotes a cent too much."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        quoted = super().quote(store, order)
        return quoted if isinstance(quoted, Refused) else changed_amounts(quoted, sub_total=_CENT)


@breaks("test_validating_twice_gives_the_same_price")
class _ChangesTheTax(SmallCatalog):
    """Quotes a different tax at every validation of an order without an id."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        quoted = super().quote(store, order)
        if isinstance(quoted, Refused) or order.gett_order_id:
            return quoted
        return changed_amounts(quoted, taxes=_CENT * next(_counter))


@breaks("test_quote_creates_no_ticket")
class _OpensATicketToQuote(SmallCatalog):
    """Creates a ticket to quote an order without an id."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        if not order.gett_order_id:
            draft = PlaceOrderRequest.model_validate(order.to_wire())
            tickets_of(store).add(Placed(f"draft-{uuid4()}"), draft, store.id, str(uuid4()), native=False)
        return super().quote(store, order)
