"""Tests of the Marketfront client: the HTTP request of each call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.gett.fake_gett import KEY, FakeGett
from webhook_kit import errors
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.gett.marketfront import Marketfront
from webhook_kit.gett.models.marketfront import (
    AddCartItemRequest,
    DiscoverStoresRequest,
    RemoveCartItemRequest,
    UpdateCartItemRequest,
)
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.payment import AddPaymentCardRequest, AddressInput
from webhook_kit.gett.models.session import (
    HoistSessionRequest,
    SessionCreateRequest,
    SetFulfillmentContextRequest,
    UpdateProfileRequest,
)

CREATED = {
    "token": "t",
    "expiresAt": "2026-01-08T00:00:00Z",
    "partnerUserId": "gen_1",
    "sessionId": "s",
    "isAnonymous": True,
    "level": 0,
}
ME = {"expiresAt": "2026-01-08T00:00:00Z", "sessionId": "s", "isAnonymous": True, "level": 0, "levelMissing": ["phone"]}
STORE = {
    "storeId": "s-1",
    "name": "Ramen",
    "stem": "ramen",
    "categories": ["Closest"],
    "options": {"acceptsDeliveryTips": True, "acceptsPickupTips": False},
    "deliveryAllowed": True,
    "pickupAllowed": True,
    "isAcceptingOrders": True,
}
CART = {"storeId": "s-1", "lineItems": [{"lineItemId": "l-1", "itemId": "i-1", "quantity": 2}]}
ORDER = {"cart": CART, "fulfillmentType": "Pickup", "amounts": {"tip": 1.5}}
CARD = {
    "billingAddress": {"address1": "1", "city": "c", "state": "s", "postalCode": "p"},
    "bin": "b",
    "cardNumber": "n",
    "cardType": "visa",
    "cvc": "c",
    "expiration": "e",
    "lastFour": "4242",
}
SAVED = {"paymentId": "p-1", "cardType": "visa", "lastFour": "4242"}
ADDRESS = {"address1": "1", "city": "c", "state": "s", "postalCode": "p"}
PAGE = {"hasMore": False, "limit": 2, "offset": 4, "totalCount": 4, "items": []}
WHERE = {"location": {"latitude": 1.5, "longitude": 2.5}, "query": "pizza"}
IDENTITY = {"email": "a@example.org", "firstName": "A", "lastName": "B"}

CALLS: list[tuple[Callable[[Marketfront], Any], str, str, Any, Any]] = [
    (lambda m: m.create_session(), "POST", "session/create", {}, CREATED),
    (
        lambda m: m.create_session(SessionCreateRequest.model_validate(IDENTITY)),
        "POST",
        "session/create",
        IDENTITY,
        CREATED,
    ),
    (lambda m: m.me(), "GET", "session/me", None, ME),
    (
        lambda m: m.hoist(HoistSessionRequest(google_id_token="g")),
        "POST",
        "session/hoist",
        {"googleIdToken": "g"},
        ME,
    ),
    (
        lambda m: m.set_fulfillment_context(SetFulfillmentContextRequest(mode="Pickup")),
        "PUT",
        "session/fulfillment-context",
        {"mode": "Pickup"},
        {"mode": "Pickup", "addressId": None},
    ),
    (
        lambda m: m.update_profile(UpdateProfileRequest(phone="+15551234567")),
        "PATCH",
        "session/profile",
        {"phone": "+15551234567"},
        ME,
    ),
    (
        lambda m: m.discover(DiscoverStoresRequest.model_validate(WHERE)),
        "POST",
        "stores/discover",
        WHERE,
        {"stores": [STORE], "totalCount": 1, "hasMore": False},
    ),
    (lambda m: m.store("s-1"), "GET", "stores/s-1", None, STORE),
    (lambda m: m.catalog_set("c/1"), "GET", "catalog-sets/c%2F1", None, {"catalogSetId": "c/1"}),
    (
        lambda m: m.add_to_cart(AddCartItemRequest.model_validate({"cart": CART, "lineItem": CART["lineItems"][0]})),
        "POST",
        "carts/add",
        {"cart": CART, "lineItem": CART["lineItems"][0]},
        CART,
    ),
    (
        lambda m: m.update_cart(
            UpdateCartItemRequest.model_validate({"cart": CART, "lineItemId": "l-1", "quantity": 0})
        ),
        "POST",
        "carts/update",
        {"cart": CART, "lineItemId": "l-1", "quantity": 0},
        CART,
    ),
    (
        lambda m: m.remove_from_cart(RemoveCartItemRequest.model_validate({"cart": CART, "lineItemId": "l-1"})),
        "POST",
        "carts/remove",
        {"cart": CART, "lineItemId": "l-1"},
        CART,
    ),
    (lambda m: m.validate_order(ExternalOrder.model_validate(ORDER)), "POST", "orders/validate", ORDER, ORDER),
    (
        lambda m: m.place_order(PlaceOrderRequest.model_validate(ORDER | {"payment": {"type": "gettPayment"}})),
        "POST",
        "orders/place",
        ORDER | {"payment": {"type": "gettPayment"}},
        ORDER,
    ),
    (lambda m: m.payments(offset=4, limit=2), "GET", "checkout/payments?offset=4&limit=2", None, PAGE),
    (lambda m: m.add_payment(AddPaymentCardRequest.model_validate(CARD)), "POST", "checkout/payments", CARD, SAVED),
    (lambda m: m.addresses(), "GET", "checkout/addresses?offset=0&limit=50", None, PAGE),
    (
        lambda m: m.add_address(AddressInput.model_validate(ADDRESS)),
        "POST",
        "checkout/addresses",
        ADDRESS,
        {"userAddressId": "a-1", "address": ADDRESS},
    ),
]


@pytest.mark.parametrize(("call", "method", "path", "sent", "answered"), CALLS)
def test_each_call_sends_method_path_and_body(
    gett: FakeGett, call: Callable[[Marketfront], Any], method: str, path: str, sent: Any, answered: Any
) -> None:
    gett.body = json.dumps(answered).encode()
    assert call(Marketfront(gett.url, KEY)).to_wire() == answered
    (received,) = gett.received
    assert (received.method, received.path) == (method, f"/v1/marketplace/{path}")
    assert received.headers["Authorization"] == f"Bearer {KEY}"
    assert (json.loads(received.body) if received.body else None) == sent


def test_place_sends_the_given_key_or_a_new_one(gett: FakeGett) -> None:
    gett.body = json.dumps(ORDER).encode()
    market, order = Marketfront(gett.url, KEY), PlaceOrderRequest.model_validate(ORDER)
    for key in (None, None, "k-1"):
        market.place_order(order, key=key)
    keys = [received.headers["Idempotency-Key"] for received in gett.received]
    assert keys[2] == "k-1"
    assert len(set(keys)) == 3


def test_session_without_user_raises_unauthorized() -> None:
    class Refusing:
        def send(self, call: ApiCall) -> ApiResponse:
            return ApiResponse(
                401, {}, b'{"errorCode": "SESSION_USER_REQUIRED", "detail": "needs a user", "status": 401}'
            )

    with pytest.raises(errors.GettUnauthorized, match="needs a user") as caught:
        Marketfront("https://gett.example", KEY, transport=Refusing()).payments()
    assert caught.value.code == "SESSION_USER_REQUIRED"
