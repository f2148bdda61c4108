"""The table of all calls under ``/v1``: request, response, behaviour and source in the protocol.

``/openapi.json`` and the table of ``docs/sandbox.md`` are generated from it; a test compares it with the routes.
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
    """Description of one call.

    :ivar route: method and path, with ``{names}`` of parameters.
    :ivar name: the call's name in :attr:`Fault.call`.
    :ivar behaviour: a summary for people.
    :ivar source: section of the protocol; [D] is a decision of this project.
    :ivar request: model of the request's body; None without a body.
    :ivar response: model of the response's body, in a list if it is a list; None if no members are promised.
    :ivar status: status of a successful response.
    :ivar problems: statuses of errors in addition to those of every such call.
    :ivar query: names of the query parameters.
    """

    route: str
    name: str
    behaviour: str
    source: str
    request: type[Wire] | None = None
    response: type[Wire] | list[type[Wire]] | None = None
    status: int = 200
    problems: tuple[int, ...] = ()
    query: tuple[str, ...] = ()


_COMMERCE = "/v1/commerce"
_ONBOARDING = f"{_COMMERCE}/onboarding/stores"
_MARKET = "/v1/marketplace"

CALLS = [
    CallDescription(
        *(f"GET {_COMMERCE}/stores", "stores", "All stores of the partner.", "§2"),
        response=[CommerceStore],
    ),
    CallDescription(
        *(f"GET {_COMMERCE}/stores/{{store_id}}", "store", "One store.", "§2"),
        response=CommerceStore,
    ),
    CallDescription(
        *(f"PUT {_COMMERCE}/stores/{{store_id}}", "updateStore"),
        *("Changes the members that are not null [D]. One of the two capability flags must be true.", "§2"),
        request=StoreUpdate,
        response=CommerceStore,
    ),
    CallDescription(
        *(f"GET {_COMMERCE}/stores/{{store_id}}/status", "storeStatus"),
        *("Online or paused; a pause with `resumeAt` ends by itself.", "§2"),
        response=StoreStatus,
    ),
    CallDescription(
        *(f"POST {_COMMERCE}/stores/{{store_id}}/status", "setStoreStatus"),
        *("Pauses a store, with a reason, or resumes it.", "§2"),
        request=StoreStatusUpdate,
        response=StoreStatus,
    ),
    CallDescription(
        *(f"POST {_COMMERCE}/orders/{{order_id}}/status", "setOrderStatus"),
        "Updates an order. A status may be skipped or repeated; going back is 409, and so is another end [D]. "
        "An unknown order is 404, and so is one whose placeOrder response was not read yet (an option).",
        "§2",
        request=OrderStatusUpdate,
        status=202,
        problems=(409,),
    ),
    CallDescription(
        *(f"POST {_COMMERCE}/catalogset-notification", "catalogNotification"),
        "Pulls the catalog from the given URL shortly after, limited in size and time. A failed pull is recorded and keeps "
        "the previous catalog.",
        "§2",
        request=CatalogSetNotification,
        status=202,
        problems=(404,),
        query=("storeId",),
    ),
    CallDescription(
        *(f"POST {_ONBOARDING}", "registerStore"),
        "Registers a store and pulls its catalog. With one error of `catalog check`, such as a dangling reference, it is "
        "`catalog_failed`. 409 if the partner's id is already registered [D].",
        "§2",
        request=OnboardingRequest,
        response=Onboarding,
        status=201,
        problems=(409,),
    ),
    CallDescription(
        *(f"GET {_ONBOARDING}/{{onboarding_id}}", "onboarding", "The status of a registration.", "§2"),
        response=Onboarding,
    ),
    CallDescription(
        *(
            f"DELETE {_ONBOARDING}/{{onboarding_id}}",
            "cancelOnboarding",
            "Cancels a registration; 409 if it is active [D].",
            "§2",
        ),
        status=204,
        problems=(409,),
    ),
    CallDescription(
        *(f"POST {_ONBOARDING}/{{onboarding_id}}/activate", "activateStore"),
        *("Activates the store, only from `ready_to_activate`; otherwise 409.", "§2"),
        response=Onboarding,
        problems=(409,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/session/create", "createSession"),
        "Creates a session of seven days; needs the API key. Email, first and last name: all or none "
        "(`LEVEL_1_INCOMPLETE`). Other errors: `invalid_email`, `invalid_phone`, `invalid_address`, `invalid_api_key`, "
        "`rate_limited`.",
        "§5, §6",
        request=SessionCreateRequest,
        response=SessionCreateResponse,
    ),
    CallDescription(
        *(
            f"GET {_MARKET}/session/me",
            "sessionMe",
            "The session, its level, and the data missing for the next level.",
            "§6",
        ),
        response=SessionMeResponse,
        problems=(404,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/session/hoist", "hoistSession"),
        "Gives an anonymous session its user. Expiry and audience of the Google token are checked; its signature is not [D].",
        "§6; path [D]",
        request=HoistSessionRequest,
        response=SessionMeResponse,
        problems=(404,),
    ),
    CallDescription(
        *(f"PUT {_MARKET}/session/fulfillment-context", "setFulfillmentContext"),
        "Sets mode and address of the fulfillment. A delivery needs an address of the user; an unknown mode is 422 [D].",
        "§6; path [D]",
        request=SetFulfillmentContextRequest,
        response=FulfillmentContextDto,
        problems=(404,),
    ),
    CallDescription(
        *(f"PATCH {_MARKET}/session/profile", "updateProfile", "Sets the user's phone number.", "§6; path [D]"),
        request=UpdateProfileRequest,
        response=SessionMeResponse,
        problems=(404,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/stores/discover", "discoverStores"),
        "Stores, the nearest first, or the best match of the query first; with distances in miles, matches between « and », "
        "matched items, computed tags. Without a `location` it starts at the session's address. The page is clamped, as in every list.",
        "§6",
        request=DiscoverStoresRequest,
        response=DiscoverStoresResponse,
        problems=(404,),
    ),
    CallDescription(
        *(f"GET {_MARKET}/stores/{{store_id}}", "marketStore"),
        *("One store; `isAcceptingOrders` is false if anything is unknown.", "§6"),
        response=MarketfrontStore,
    ),
    CallDescription(
        *(f"GET {_MARKET}/catalog-sets/{{catalog_set_id}}", "catalogSet", "A CatalogSet; older versions too.", "§6"),
        response=ExternalCatalogSet,
    ),
    CallDescription(
        *(
            f"POST {_MARKET}/carts/add",
            "addToCart",
            "Returns the cart with one more line; nothing is stored.",
            "§6; body [D]",
        ),
        request=AddCartItemRequest,
        response=Cart,
        problems=(404, 409),
    ),
    CallDescription(
        *(
            f"POST {_MARKET}/carts/update",
            "updateCart",
            "Returns the cart with the line's new quantity; 0 removes it.",
            "§6",
        ),
        request=UpdateCartItemRequest,
        response=Cart,
        problems=(404,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/carts/remove", "removeFromCart", "Returns the cart without the line.", "§6"),
        request=RemoveCartItemRequest,
        response=Cart,
        problems=(404,),
    ),
    CallDescription(
        *(f"POST {_MARKET}/orders/validate", "validate"),
        "Calls the store's validateOrder; business errors are in the order, with 200. 502 if the store does not respond. A "
        "fulfillment or tip that the store does not offer is such an error.",
        "§3, §6",
        request=ExternalOrder,
        response=ExternalOrder,
        problems=(404, 409, 502),
    ),
    CallDescription(
        *(f"POST {_MARKET}/orders/place", "place"),
        "Checks token (15 minutes), payment and customer, then calls the store's placeOrder, with retries on Gett's schedule. "
        "An anonymous session is 401. The customer is the session's user, whose profile has name, email and phone; with the API "
        "key it is `customer`, with all of these and `partnerUserId`; otherwise 422. "
        "The `Idempotency-Key` replays the response for 24 h; another order under it is 422.",
        "§3, §6",
        request=PlaceOrderRequest,
        response=ExternalOrder,
        problems=(404, 409, 502),
    ),
    CallDescription(
        *(f"GET {_MARKET}/checkout/payments", "payments", "The user's cards, paged.", "§6"),
        response=UserPaymentResponsePagedResult,
        problems=(404,),
        query=("limit", "offset"),
    ),
    CallDescription(
        *(f"POST {_MARKET}/checkout/payments", "addPayment"),
        *("Saves the displayed part of a card only. Its billing address stays with the card.", "§6"),
        request=AddPaymentCardRequest,
        response=UserPaymentResponse,
        status=201,
        problems=(404,),
    ),
    CallDescription(
        *(f"GET {_MARKET}/checkout/addresses", "addresses", "The user's addresses, paged.", "§6"),
        response=UserAddressResponsePagedResult,
        problems=(404,),
        query=("limit", "offset"),
    ),
    CallDescription(
        *(
            f"POST {_MARKET}/checkout/addresses",
            "addAddress",
            "Saves an address once; without `instructions` the earlier ones stay.",
            "§6; body [D]",
        ),
        request=AddressInput,
        response=UserAddressResponse,
        status=201,
        problems=(404,),
    ),
]
"""The calls under ``/v1``, in the order of the protocol."""


def table() -> str:
    """Return the calls as a Markdown table."""
    lines = ["| call | name in a fault | behaviour | source |", "|---|---|---|---|"]
    lines += [f"| `{call.route}` | `{call.name}` | {call.behaviour} | {call.source} |" for call in CALLS]
    return "\n".join(lines) + "\n"
