"""Tests of the clients against the sandbox: every method of a client, and every call of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any, get_type_hints

import jwt
import pydantic
import pytest

from tests.sandbox.sandbox_env import CATALOG, NOON, ORDER, STORE, FakePartner
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.marketfront import Marketfront
from webhook_kit.gett.models.marketfront import (
    AddCartItemRequest,
    DiscoverStoresRequest,
    RemoveCartItemRequest,
    UpdateCartItemRequest,
)
from webhook_kit.gett.models.order import Cart, ExternalOrder, LineItem, PlaceOrderRequest
from webhook_kit.gett.models.payment import AddPaymentCardRequest, AddressInput
from webhook_kit.gett.models.session import (
    HoistSessionRequest,
    SessionCreateRequest,
    SetFulfillmentContextRequest,
    UpdateProfileRequest,
)
from webhook_kit.gett.models.store import (
    OnboardingRequest,
    OnboardingStatus,
    OrderStatusUpdate,
    StoreStatusUpdate,
    StoreUpdate,
)
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.calls import CALLS
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.server import serve
from webhook_kit.sandbox.state import OnboardingRecord, OrderRecord

ADDRESS = AddressInput(address1="1 Main St", city="New York", state="NY", postal_code="10001")
ADA = SessionCreateRequest(
    email="ada@x.co",
    first_name="Ada",
    last_name="L",
    phone="+15551234567",
    address=ADDRESS.to_wire(),
)
CARD = AddPaymentCardRequest(
    billing_address=ADDRESS,
    bin="b",
    card_number="n",
    card_type="visa",
    cvc="c",
    expiration="e",
    last_four="4242",
)
LINE = LineItem(line_item_id="1", item_id="m", quantity=1)
CART = Cart(store_id=STORE, catalog_set_id=CATALOG.catalog_set_id, line_items=[LINE])
REGISTRATION = OnboardingRequest(
    partner_store_id="p", name="P", catalog_callback_url="http://127.0.0.1:9/", webhook_url="http://127.0.0.1:9/"
)
GOOGLE_ID = {
    "email": "g@x.co",
    "given_name": "G",
    "family_name": "H",
    "aud": "gett.co",
    "exp": int(NOON.timestamp()) + 60,
}


@dataclass
class Clients:
    """Clients of a sandbox for a partner, for a consumer with a session, and for one without a user."""

    commerce: GettClient
    partner: Marketfront
    consumer: Marketfront
    anonymous: Marketfront

    def address_id(self) -> str:
        return self.consumer.addresses().items[0].user_address_id

    def place(self) -> ExternalOrder:
        validated = self.consumer.validate_order(ExternalOrder.model_validate(ORDER))
        payment = {"payment": {"type": "gettPayment"}}
        return self.consumer.place_order(PlaceOrderRequest.model_validate({**validated.to_wire(), **payment}))


METHODS: dict[tuple[type, str], tuple[str, Callable[[Clients], Any]]] = {
    (GettClient, "stores"): ("stores", lambda c: c.commerce.stores()),
    (GettClient, "store"): ("store", lambda c: c.commerce.store(STORE)),
    (GettClient, "update_store"): ("updateStore", lambda c: c.commerce.update_store(STORE, StoreUpdate(name="N"))),
    (GettClient, "store_status"): ("storeStatus", lambda c: c.commerce.store_status(STORE)),
    (GettClient, "set_store_status"): (
        "setStoreStatus",
        lambda c: c.commerce.set_store_status(STORE, StoreStatusUpdate.model_validate({"status": "online"})),
    ),
    (GettClient, "set_order_status"): (
        "setOrderStatus",
        lambda c: c.commerce.set_order_status("o-1", OrderStatusUpdate.model_validate({"status": "ready"})),
    ),
    (GettClient, "notify_catalog"): (
        "catalogNotification",
        lambda c: c.commerce.notify_catalog("main", "http://127.0.0.1:9/"),
    ),
    (GettClient, "register_store"): (
        "registerStore",
        lambda c: c.commerce.register_store(REGISTRATION.model_copy(update={"partner_store_id": "q"})),
    ),
    (GettClient, "onboarding"): ("onboarding", lambda c: c.commerce.onboarding("on-1")),
    (GettClient, "cancel_onboarding"): ("cancelOnboarding", lambda c: c.commerce.cancel_onboarding("on-1")),
    (GettClient, "activate_store"): ("activateStore", lambda c: c.commerce.activate_store("on-1")),
    (Marketfront, "create_session"): ("createSession", lambda c: c.partner.create_session(ADA)),
    (Marketfront, "me"): ("sessionMe", lambda c: c.consumer.me()),
    (Marketfront, "hoist"): (
        "hoistSession",
        lambda c: c.anonymous.hoist(HoistSessionRequest(google_id_token=jwt.encode(GOOGLE_ID, "g" * 32))),
    ),
    (Marketfront, "set_fulfillment_context"): (
        "setFulfillmentContext",
        lambda c: c.consumer.set_fulfillment_context(SetFulfillmentContextRequest(mode="Pickup")),
    ),
    (Marketfront, "update_profile"): (
        "updateProfile",
        lambda c: c.consumer.update_profile(UpdateProfileRequest(phone="+15557654321")),
    ),
    (Marketfront, "discover"): (
        "discoverStores",
        lambda c: c.consumer.discover(
            DiscoverStoresRequest.model_validate({"location": {"latitude": 1, "longitude": 2}})
        ),
    ),
    (Marketfront, "store"): ("marketStore", lambda c: c.consumer.store(STORE)),
    (Marketfront, "catalog_set"): ("catalogSet", lambda c: c.consumer.catalog_set(str(CATALOG.catalog_set_id))),
    (Marketfront, "add_to_cart"): (
        "addToCart",
        lambda c: c.consumer.add_to_cart(AddCartItemRequest(cart=CART, line_item=LineItem(item_id="m"))),
    ),
    (Marketfront, "update_cart"): (
        "updateCart",
        lambda c: c.consumer.update_cart(UpdateCartItemRequest(cart=CART, line_item_id="1", quantity=2)),
    ),
    (Marketfront, "remove_from_cart"): (
        "removeFromCart",
        lambda c: c.consumer.remove_from_cart(RemoveCartItemRequest(cart=CART, line_item_id="1")),
    ),
    (Marketfront, "validate_order"): (
        "validate",
        lambda c: c.consumer.validate_order(ExternalOrder.model_validate(ORDER)),
    ),
    (Marketfront, "place_order"): ("place", lambda c: c.place()),
    (Marketfront, "payments"): ("payments", lambda c: c.consumer.payments()),
    (Marketfront, "add_payment"): ("addPayment", lambda c: c.consumer.add_payment(CARD)),
    (Marketfront, "addresses"): ("addresses", lambda c: c.consumer.addresses()),
    (Marketfront, "add_address"): ("addAddress", lambda c: c.consumer.add_address(ADDRESS)),
}
"""Every method of the clients: the name of its call, and an example."""


@pytest.fixture
def clients(context: SandboxContext, partner: FakePartner) -> Iterator[Clients]:
    context.state.orders["o-1"] = OrderRecord(order_id="o-1", store_id=STORE, created_at=NOON)
    context.state.onboardings["on-1"] = OnboardingRecord(
        onboarding_id="on-1", request=REGISTRATION, created_at=NOON, status=OnboardingStatus.READY_TO_ACTIVATE
    )
    with serve(create_app(context)) as url:
        market = Marketfront(url, "key-1")
        sessions = [market.create_session(ADA), market.create_session()]
        consumer, anonymous = (Marketfront(url, session.token) for session in sessions)
        yield Clients(GettClient(url, "key-1"), market, consumer, anonymous)


def public_methods(client: type) -> set[tuple[type, str]]:
    return {
        (client, name)
        for name, member in vars(client).items()
        if isinstance(member, FunctionType) and not name.startswith("_")
    }


def test_every_method_and_every_call_has_an_example() -> None:
    assert set(METHODS) == public_methods(GettClient) | public_methods(Marketfront)
    assert sorted(call for call, _ in METHODS.values()) == sorted(call.name for call in CALLS)


@pytest.mark.parametrize(
    ("method", "example"), [pytest.param(*one, id=f"{one[0][0].__name__}.{one[0][1]}") for one in METHODS.items()]
)
def test_the_sandbox_understands_the_method(
    method: tuple[type, str],
    example: tuple[str, Callable[[Clients], Any]],
    clients: Clients,
    context: SandboxContext,
) -> None:
    name, call = example
    answer = call(clients)
    (described,) = [one for one in CALLS if one.name == name]
    entry = [entry for entry in context.log.after(0) if entry["kind"] == "api_call"][-1]
    assert (entry["call"], entry["response"]["status"]) == (name, described.status)
    assert get_type_hints(getattr(*method))["return"] == expected_type(described.response)
    assert pydantic.TypeAdapter(expected_type(described.response)).validate_python(answer) == answer


def expected_type(response: Any) -> Any:
    if isinstance(response, list):
        return list[response[0]]
    return type(None) if response is None else response
