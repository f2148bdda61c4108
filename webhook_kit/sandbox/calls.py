"""Every call of this Gett in one table: what it takes, what it answers, and where the protocol says so.

``/openapi.json`` and the table of ``docs/sandbox.md`` are made from it, and a test compares it with what is served.
"""

from __future__ import annotations

from dataclasses import dataclass

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.marketfront import (
    AddCartItemRequest,
    DiscoverStoresRequest,
    DiscoverStoresResponse,
    MarketfrontStore,
    RemoveCartItemRequest,
    UpdateCartItemRequest,
)
from webhook_kit.gett.models.order import Cart, ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.payment import (
    AddPaymentCardRequest,
    AddressInput,
    UserAddressResponse,
    UserAddressResponsePagedResult,
    UserPaymentResponse,
    UserPaymentResponsePagedResult,
)
from webhook_kit.gett.models.session import (
    FulfillmentContextDto,
    HoistSessionRequest,
    SessionCreateRequest,
    SessionCreateResponse,
    SessionMeResponse,
    SetFulfillmentContextRequest,
    UpdateProfileRequest,
)
from webhook_kit.gett.models.store import (
    CatalogSetNotification,
    CommerceStore,
    Onboarding,
    OnboardingRequest,
    OrderStatusUpdate,
    StoreStatus,
    StoreStatusUpdate,
    StoreUpdate,
)

__all__ = ["CALLS", "CallDescription", "table"]


@dataclass(frozen=True, slots=True)
class CallDescription:
    """One call.

    :ivar route: method and path, with ``{names}``.
    :ivar name: what a fault calls it.
    :ivar behaviour: what it does, for people.
    :ivar source: where the protocol says so; [D] is our own decision.
    :ivar takes: the model of its body; None when it has none.
    :ivar gives: the model of its answer, in a list when it is one; None for an answer without members that are promised.
    :ivar status: of its answer.
    :ivar problems: statuses of its problems besides those that every call of its shape has.
    :ivar query: names of its query parameters.
    """

    route: str
    name: str
    behaviour: str
    source: str
    takes: type[Wire] | None = None
    gives: type[Wire] | list[type[Wire]] | None = None
    status: int = 200
    problems: tuple[int, ...] = ()
    query: tuple[str, ...] = ()


_COMMERCE = "/v1/commerce"
_ONBOARDING = f"{_COMMERCE}/onboarding/stores"
_MARKET = "/v1/marketplace"

CALLS = [
    CallDescription(
        *(f"GET {_COMMERCE}/stores", "stores", "All stores of the partner.", "§2"),
        gives=[CommerceStore],
    ),
    CallDescription(
        *(f"GET {_COMMERCE}/stores/{{store_id}}", "store", "One store.", "§2"),
        gives=CommerceStore,
    ),
    CallDescription(
        *(f"PUT {_COMMERCE}/stores/{{store_id}}", "updateStore"),
        *("Changes what is given; null is no change [D]. One of the two capability flags must be true.", "§2"),
        takes=StoreUpdate,
        gives=CommerceStore,
    ),
    CallDescription(
        *(f"GET {_COMMERCE}/stores/{{store_id}}/status", "storeStatus"),
        *("Online or paused; a pause with `resumeAt` ends by itself.", "§2"),
        gives=StoreStatus,
    ),
    CallDescription(
        *(f"POST {_COMMERCE}/stores/{{store_id}}/status", "setStoreStatus"),
        *("Pauses, with a reason, or brings back.", "§2"),
        takes=StoreStatusUpdate,
        gives=StoreStatus,
    ),
    CallDescription(
        *(f"POST {_COMMERCE}/orders/{{order_id}}/status", "setOrderStatus"),
        "Takes an order on: a status may be left out or said again, never gone back on; 409 when it is closed otherwise [D]. "
        "Unknown, or not read yet (a setting): 404.",
        "§2",
        takes=OrderStatusUpdate,
        status=202,
        problems=(409,),
    ),
    CallDescription(
        *(f"POST {_COMMERCE}/catalogset-notification", "catalogNotification"),
        "Pulls the catalog soon after, from the partner's own server, size and time limited. A pull that fails keeps the old "
        "catalog and is on record.",
        "§2",
        takes=CatalogSetNotification,
        status=202,
        problems=(404,),
        query=("storeId",),
    ),
    CallDescription(
        *(f"POST {_ONBOARDING}", "registerStore"),
        "Registers a store; its catalog is pulled and checked: one error of `catalog check`, a dangling reference say, and it "
        "is `catalog_failed`. 409 while the partner's id is taken [D].",
        "§2",
        takes=OnboardingRequest,
        gives=Onboarding,
        status=201,
        problems=(409,),
    ),
    CallDescription(
        *(f"GET {_ONBOARDING}/{{onboarding_id}}", "onboarding", "Where the registration stands.", "§2"),
        gives=Onboarding,
    ),
    CallDescription(
        *(f"DELETE {_ONBOARDING}/{{onboarding_id}}", "cancelOnboarding", "Gives it up; 409 once active [D].", "§2"),
        status=204,
        problems=(409,),
    ),
    CallDescription(
        *(f"POST {_ONBOARDING}/{{onboarding_id}}/activate", "activateStore"),
        *("Goes live, only from `ready_to_activate`; otherwise 409.", "§2"),
        gives=Onboarding,
        problems=(409,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/session/create", "createSession"),
        "API key only. Identity all or none (`LEVEL_1_INCOMPLETE`); seven days; `invalid_email`, `invalid_phone`, "
        "`invalid_address`, `invalid_api_key`, `rate_limited`.",
        "§5, §6",
        takes=SessionCreateRequest,
        gives=SessionCreateResponse,
    ),
    CallDescription(
        *(f"GET {_MARKET}/session/me", "sessionMe", "The session, its level and what is missing.", "§6"),
        gives=SessionMeResponse,
        problems=(404,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/session/hoist", "hoistSession"),
        *("Gives an anonymous session its user; a Google token is believed unproven [D].", "§6; path [D]"),
        takes=HoistSessionRequest,
        gives=SessionMeResponse,
        problems=(404,),
    ),
    CallDescription(
        *(f"PUT {_MARKET}/session/fulfillment-context", "setFulfillmentContext"),
        *("How and where to hand over; an address must be the user's.", "§6; path [D]"),
        takes=SetFulfillmentContextRequest,
        gives=FulfillmentContextDto,
        problems=(404,),
    ),
    CallDescription(
        *(f"PATCH {_MARKET}/session/profile", "updateProfile", "The user's phone.", "§6; path [D]"),
        takes=UpdateProfileRequest,
        gives=SessionMeResponse,
        problems=(404,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/stores/discover", "discoverStores"),
        "The nearest first, or the best match of the query; distances in miles, matches between « and », dishes when they led "
        "to the store, computed tags.",
        "§6",
        takes=DiscoverStoresRequest,
        gives=DiscoverStoresResponse,
        problems=(404,),
    ),
    CallDescription(
        *(f"GET {_MARKET}/stores/{{store_id}}", "marketStore"),
        *("One store; `isAcceptingOrders` is false unless everything is known to fit.", "§6"),
        gives=MarketfrontStore,
    ),
    CallDescription(
        *(f"GET {_MARKET}/catalog-sets/{{catalog_set_id}}", "catalogSet", "A menu, older versions too.", "§6"),
        gives=ExternalCatalogSet,
    ),
    CallDescription(
        *(f"POST {_MARKET}/carts/add", "addToCart", "The cart with one more line; nothing is kept.", "§6; body [D]"),
        takes=AddCartItemRequest,
        gives=Cart,
        problems=(404, 409),
    ),
    CallDescription(
        *(f"POST {_MARKET}/carts/update", "updateCart", "The cart with the line's quantity; 0 removes it.", "§6"),
        takes=UpdateCartItemRequest,
        gives=Cart,
        problems=(404,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/carts/remove", "removeFromCart", "The cart without the line.", "§6"),
        takes=RemoveCartItemRequest,
        gives=Cart,
        problems=(404,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/orders/validate", "validate"),
        "Asks the store's validateOrder; business failures stand in the order, with 200. 502 when the store gives no answer.",
        "§3, §6",
        takes=ExternalOrder,
        gives=ExternalOrder,
        problems=(404, 409, 502),
    ),
    CallDescription(
        *(f"POST {_MARKET}/orders/place", "place"),
        "Checks token (15 minutes), payment by its type and customer, then the store's placeOrder, retried on Gett's schedule. "
        "`Idempotency-Key` replays for 24 h; another order under it: 422.",
        "§3, §6",
        takes=PlaceOrderRequest,
        gives=ExternalOrder,
        problems=(404, 409, 502),
    ),
    CallDescription(
        *(f"GET {_MARKET}/checkout/payments", "payments", "The user's cards, paged.", "§6"),
        gives=UserPaymentResponsePagedResult,
        problems=(404,),
        query=("limit", "offset"),
    ),
    CallDescription(
        *(f"POST {_MARKET}/checkout/payments", "addPayment"),
        *("Saves a card: of it nothing is kept but what is shown. Its billing address is saved once.", "§6"),
        takes=AddPaymentCardRequest,
        gives=UserPaymentResponse,
        status=201,
        problems=(404,),
    ),
    CallDescription(
        *(f"GET {_MARKET}/checkout/addresses", "addresses", "The user's addresses, paged.", "§6"),
        gives=UserAddressResponsePagedResult,
        problems=(404,),
        query=("limit", "offset"),
    ),
    CallDescription(
        *(f"POST {_MARKET}/checkout/addresses", "addAddress", "Saves an address.", "§6; body [D]"),
        takes=AddressInput,
        gives=UserAddressResponse,
        status=201,
        problems=(404,),
    ),
]
"""The calls under ``/v1``, in the order of the protocol."""


def table() -> str:
    """The calls as a Markdown table."""
    lines = ["| call | its name in a fault | behaviour | source |", "|---|---|---|---|"]
    lines += [f"| `{call.route}` | `{call.name}` | {call.behaviour} | {call.source} |" for call in CALLS]
    return "\n".join(lines) + "\n"
