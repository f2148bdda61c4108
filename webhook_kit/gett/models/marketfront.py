"""The consumer side: discovery of stores, carts, order events (``gett-protocol.md §3`` and ``§6``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from webhook_kit.gett.models.base import Id, Listed, Wire
from webhook_kit.gett.models.catalog import AvailabilityWindow
from webhook_kit.gett.models.money import Price
from webhook_kit.gett.models.order import Cart, ExternalAddress, LineItem, Location

__all__ = [
    "AddCartItemRequest",
    "Availability",
    "DiscoverStoresRequest",
    "DiscoverStoresResponse",
    "DishHighlights",
    "MarketfrontStore",
    "MatchedDish",
    "OrderEvent",
    "OrderEventData",
    "OrderEventRefund",
    "RemoveCartItemRequest",
    "StoreHighlights",
    "StoreOptions",
    "UpdateCartItemRequest",
]


def _fifty_if_null(value: object) -> object:
    return 50 if value is None else value


def _zero_if_null(value: object) -> object:
    return 0 if value is None else value


_Count = Annotated[int, Field(ge=0)]


class Availability(AvailabilityWindow):
    """A weekly opening window, with its name in the Marketfront API."""


class StoreOptions(Wire):
    """Abilities of a store that do not depend on its opening hours."""

    accepts_delivery_tips: bool
    accepts_pickup_tips: bool


class StoreHighlights(Wire):
    """A store's texts with matches of the query between « and »."""

    name: str | None = None
    description: str | None = None


class DishHighlights(Wire):
    """An item's texts with matches of the query between « and »."""

    name: str | None = None
    description: str | None = None


class MatchedDish(Wire):
    """An item that matched the query. ``base_price`` is in major units."""

    item_id: Id
    name: str
    base_price: Price | None = None
    description: str | None = None
    highlights: DishHighlights | None = None
    image_url: str | None = None


class MarketfrontStore(Wire):
    """A store in the Marketfront API.

    ``is_accepting_orders`` is computed by the server and is false if anything is unknown. ``availability`` holds the opening
    hours in ``time_zone`` (IANA); null or empty means never open. ``price_level`` is 1 (cheap) to 4, ``rating`` 1 to 5, ``savings`` a percentage.
    ``categories`` mixes cuisines with the computed tags Closest, Popular, Savings and Exclusive; ``stem`` is the page's slug.
    """

    store_id: Id
    name: str
    stem: str
    categories: Listed[str] = Field(default_factory=list)
    options: StoreOptions
    delivery_allowed: bool
    pickup_allowed: bool
    is_accepting_orders: bool = False
    address: ExternalAddress | None = None
    availability: list[AvailabilityWindow] | None = None
    catalog_set_id: str | None = None
    description: str | None = None
    distance_miles: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    highlights: StoreHighlights | None = None
    image_url: str | None = None
    matched_dishes: list[MatchedDish] | None = None
    price_level: Annotated[int, Field(ge=1, le=4)] | None = None
    rating: Annotated[float, Field(ge=1, le=5)] | None = None
    review_count: _Count | None = None
    savings: Annotated[float, Field(ge=0, le=100)] | None = None
    time_zone: str | None = None


class DiscoverStoresRequest(Wire):
    """A search near a location. ``limit`` is at most 100 and 50 by default; ``query`` is free text.

    Without a location the search starts at the address of the session, which must have one.
    """

    location: Location | None = Field(default=None, repr=False)  # of the consumer
    query: str | None = None
    fulfillment_type: str | None = None
    limit: Annotated[int, Field(ge=1, le=100), BeforeValidator(_fifty_if_null)] = 50
    offset: Annotated[_Count, BeforeValidator(_zero_if_null)] = 0


class DiscoverStoresResponse(Wire):
    """One page of a search; ``total_count`` counts the stores of all pages."""

    stores: list[MarketfrontStore]
    total_count: _Count
    has_more: bool


class AddCartItemRequest(Wire):
    """A cart and a line to add. The client keeps the cart: the response is the new cart, and nothing is stored."""

    # [D] The protocol names the operation, but not its body; this one follows the two models below.
    cart: Cart
    line_item: LineItem


class UpdateCartItemRequest(Wire):
    """A cart, the id of a line, and the line's new quantity; 0 removes the line."""

    cart: Cart
    line_item_id: Id
    quantity: Annotated[int, Field(ge=0, le=9_999)]


class RemoveCartItemRequest(Wire):
    """A cart, and the id of the line to remove."""

    cart: Cart
    line_item_id: Id


class _SnakeCased(Wire):
    # Only order events have snake_case names in JSON (§3).
    model_config = ConfigDict(alias_generator=None)


class OrderEventRefund(_SnakeCased):
    """A refund. Unlike all other amounts, ``amount`` is in minor units (cents)."""

    type: Literal["store_credit", "original_payment"]
    amount: _Count


class OrderEventData(_SnakeCased):
    """The order of an event.

    ``status``: ``created``, ``manual_review``, ``confirmed``, ``canceled``, ``shipped`` or ``fulfilled``.
    """

    type: Literal["order"]
    checkout_session_id: Id
    permalink_url: str | None = None
    status: Literal["created", "manual_review", "confirmed", "canceled", "shipped", "fulfilled"]
    refunds: Listed[OrderEventRefund] = Field(default_factory=list)


class OrderEvent(_SnakeCased):
    """An order event for distribution partners. It has no id, sequence number or time (``§3``)."""

    type: Literal["order_create", "order_update"]
    data: OrderEventData
