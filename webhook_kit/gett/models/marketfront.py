"""What consumers see: stores to discover, carts to fill, order events (``gett-protocol.md §3`` and ``§6``)."""

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
    """A weekly opening window, under the name the Marketfront API gives it."""


class StoreOptions(Wire):
    """How a store can be interacted with, apart from whether it is open."""

    accepts_delivery_tips: bool
    accepts_pickup_tips: bool


class StoreHighlights(Wire):
    """A store's texts with what matched the query between « and »."""

    name: str | None = None
    description: str | None = None


class DishHighlights(Wire):
    """A dish's texts with what matched the query between « and »."""

    name: str | None = None
    description: str | None = None


class MatchedDish(Wire):
    """A dish that brought its store into the result. ``base_price`` is in major units."""

    item_id: Id
    name: str
    base_price: Price | None = None
    description: str | None = None
    highlights: DishHighlights | None = None
    image_url: str | None = None


class MarketfrontStore(Wire):
    """A store as consumers find it.

    ``is_accepting_orders`` is the server's word and fails closed; ``availability`` explains it, read in ``time_zone`` (IANA),
    and null or empty means never open. ``price_level`` is 1 (cheap) to 4, ``rating`` 1 to 5, ``savings`` a percentage.
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
    """A search near a place. ``limit`` is 50 unless given and at most 100; ``query`` is free text."""

    location: Location = Field(repr=False)  # where the consumer is
    query: str | None = None
    fulfillment_type: str | None = None
    limit: Annotated[int, Field(ge=1, le=100), BeforeValidator(_fifty_if_null)] = 50
    offset: Annotated[_Count, BeforeValidator(_zero_if_null)] = 0


class DiscoverStoresResponse(Wire):
    """One page of a search; ``total_count`` counts all pages."""

    stores: list[MarketfrontStore]
    total_count: _Count
    has_more: bool


class AddCartItemRequest(Wire):
    """A cart and what to put into it. Carts live with the client: the answer is the new cart, and nothing is kept."""

    # [D] The protocol names the operation, not its body; this one takes its shape from the two below.
    cart: Cart
    line_item: LineItem


class UpdateCartItemRequest(Wire):
    """A cart, one of its lines, and the line's new quantity; 0 removes the line."""

    cart: Cart
    line_item_id: Id
    quantity: Annotated[int, Field(ge=0, le=9_999)]


class RemoveCartItemRequest(Wire):
    """A cart, and the line to take out of it."""

    cart: Cart
    line_item_id: Id


class _SnakeCased(Wire):
    # Order events alone are written in snake_case on the wire (§3).
    model_config = ConfigDict(alias_generator=None)


class OrderEventRefund(_SnakeCased):
    """A refund. ``amount`` is in minor units (cents) here, and only here."""

    type: Literal["store_credit", "original_payment"]
    amount: _Count


class OrderEventData(_SnakeCased):
    """The order an event is about.

    ``status``: ``created``, ``manual_review``, ``confirmed``, ``canceled``, ``shipped`` or ``fulfilled``.
    """

    type: Literal["order"]
    checkout_session_id: Id
    permalink_url: str | None = None
    status: Literal["created", "manual_review", "confirmed", "canceled", "shipped", "fulfilled"]
    refunds: Listed[OrderEventRefund] = Field(default_factory=list)


class OrderEvent(_SnakeCased):
    """What distribution partners are told about an order. It carries no id, sequence or time (``§3``)."""

    type: Literal["order_create", "order_update"]
    data: OrderEventData
