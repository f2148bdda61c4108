from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from webhook_kit.gett.models.marketfront import (
    AddCartItemRequest,
    DiscoverStoresRequest,
    DiscoverStoresResponse,
    MarketfrontStore,
    OrderEvent,
    RemoveCartItemRequest,
    UpdateCartItemRequest,
)

CART = {"storeId": "s", "lineItems": []}
HERE = {"latitude": 30.25, "longitude": -97.75}


def store(**members: Any) -> dict[str, Any]:
    return {
        "storeId": "s",
        "name": "Ramen",
        "stem": "ramen",
        "categories": ["Japanese", "Closest"],
        "options": {"acceptsDeliveryTips": True, "acceptsPickupTips": False},
        "deliveryAllowed": True,
        "pickupAllowed": True,
        **members,
    }


def test_store_accepts_no_orders_by_default() -> None:
    assert MarketfrontStore.from_json(json.dumps(store())).is_accepting_orders is False


def test_store_is_written_as_it_was_read() -> None:
    document = store(
        isAcceptingOrders=True,
        availability=[{"dayOfWeek": "Friday", "start": "11:00:00", "end": "00:00:00"}],
        distanceMiles=0.4,
        highlights={"name": "«Ramen»"},
        matchedDishes=[{"itemId": "i", "name": "Shoyu", "basePrice": 12.5, "highlights": {"description": "«ramen»"}}],
        priceLevel=2,
        rating=4.5,
        reviewCount=12,
        savings=11,
        timeZone="America/Chicago",
        catalogSetId="v",
        new=[{"x": 1}],
    )
    assert json.loads(MarketfrontStore.from_json(json.dumps(document)).to_json()) == document


@pytest.mark.parametrize(
    "wrong",
    [
        {"priceLevel": 0},
        {"priceLevel": 5},
        {"rating": 0.9},
        {"rating": 5.1},
        {"savings": 101},
        {"savings": -1},
        {"distanceMiles": -0.1},
        {"reviewCount": -1},
        {"deliveryAllowed": "yes"},
        {"matchedDishes": [{"itemId": "i", "name": "n", "basePrice": "1"}]},
    ],
)
def test_store_out_of_bounds_is_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MarketfrontStore.from_json(json.dumps(store(**wrong)))


def test_search_has_a_default_limit_of_fifty() -> None:
    for extra in ({}, {"limit": None, "offset": None}):
        request = DiscoverStoresRequest.from_json(json.dumps({"location": HERE, **extra}))
        assert (request.limit, request.offset) == (50, 0)
    assert DiscoverStoresRequest.from_json(json.dumps({"location": HERE, "limit": 100})).limit == 100


@pytest.mark.parametrize("wrong", [{"limit": 101}, {"limit": 0}, {"limit": "5"}, {"limit": True}, {"offset": -1}])
def test_search_out_of_bounds_is_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DiscoverStoresRequest.from_json(json.dumps({"location": HERE, **wrong}))


def test_location_of_the_consumer_is_not_shown() -> None:
    request = DiscoverStoresRequest.from_json(json.dumps({"location": HERE, "query": "ramen"}))
    assert "30.25" not in repr(request)


def test_page_of_stores() -> None:
    document = {"stores": [store()], "totalCount": 1, "hasMore": False}
    assert DiscoverStoresResponse.from_json(json.dumps(document)).to_wire() == document


def test_cart_operations() -> None:
    assert UpdateCartItemRequest.from_json(json.dumps({"cart": CART, "lineItemId": "l", "quantity": 0})).quantity == 0
    assert RemoveCartItemRequest.from_json(json.dumps({"cart": CART, "lineItemId": "l"})).line_item_id == "l"
    assert AddCartItemRequest.from_json(json.dumps({"cart": CART, "lineItem": {"itemId": "i"}})).line_item.quantity == 1
    for quantity in (-1, None, "1", True):
        with pytest.raises(ValidationError):
            UpdateCartItemRequest.from_json(json.dumps({"cart": CART, "lineItemId": "l", "quantity": quantity}))


class TestOrderEvents:
    def event(self, **data: Any) -> dict[str, Any]:
        return {
            "type": "order_update",
            "data": {"type": "order", "checkout_session_id": "c", "status": "shipped", "refunds": [], **data},
        }

    def test_names_are_snake_case(self) -> None:
        document = self.event(permalink_url="https://x.example", refunds=[{"type": "store_credit", "amount": 150}])
        assert OrderEvent.from_json(json.dumps(document)).to_wire() == document

    @pytest.mark.parametrize(
        "wrong", [{"status": "cancelled"}, {"refunds": [{"type": "cash", "amount": 1}]}, {"type": "cart"}]
    )
    def test_unknown_values_are_rejected(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            OrderEvent.from_json(json.dumps(self.event(**wrong)))

    def test_refund_is_in_cents(self) -> None:
        with pytest.raises(ValidationError):
            OrderEvent.from_json(json.dumps(self.event(refunds=[{"type": "store_credit", "amount": 1.5}])))
