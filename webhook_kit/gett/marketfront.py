"""The consumer's side of the network, one method per call: sessions, stores, carts, orders, checkout (``gett-protocol.md §6``).

A distribution partner creates sessions with its API key and makes all other calls with the session's token::

    session = Marketfront(url, api_key).create_session(SessionCreateRequest(email=…, first_name=…, last_name=…))
    mine = Marketfront(url, session.token)
    mine.discover(DiscoverStoresRequest(location=…, query="pizza"))
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlencode
from uuid import uuid4

from webhook_kit.gett.http import Api, segment
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
    HoistSessionRequest,
    SessionCreateRequest,
    SessionCreateResponse,
    SessionMeResponse,
    SetFulfillmentContextRequest,
    UpdateProfileRequest,
)

__all__ = ["Marketfront"]


class Marketfront(Api):
    """Gett's Marketfront API for one bearer: an API key, or a session's token. See :class:`~webhook_kit.gett.http.Api`."""

    root: ClassVar[str] = "/v1/marketplace/"

    # -- sessions ------------------------------------------------------------------------------------------------------

    def create_session(self, request: SessionCreateRequest | None = None) -> SessionCreateResponse:
        """Begin a session; an anonymous one when nothing is known of the consumer. Needs the API key.

        :raises GettRejected: ``LEVEL_1_INCOMPLETE`` when email, first and last name are not given all or none.
        """
        return self._read(SessionCreateResponse, "POST", "session/create", request or SessionCreateRequest())

    def me(self) -> SessionMeResponse:
        """The session as it is now. Needs a session's token, like all that follows here."""
        return self._read(SessionMeResponse, "GET", "session/me")

    # [D] The protocol names these three and their members, not their paths.

    def hoist(self, request: HoistSessionRequest) -> SessionMeResponse:
        """Promote an anonymous session by a Google ID token."""
        return self._read(SessionMeResponse, "POST", "session/hoist", request)

    def set_fulfillment_context(self, request: SetFulfillmentContextRequest) -> SessionMeResponse:
        """Commit the session to a way of handing over."""
        return self._read(SessionMeResponse, "PUT", "session/fulfillment-context", request)

    def update_profile(self, request: UpdateProfileRequest) -> SessionMeResponse:
        """Give the session's user a phone number."""
        return self._read(SessionMeResponse, "PUT", "session/profile", request)

    # -- stores and menus ----------------------------------------------------------------------------------------------

    def discover(self, request: DiscoverStoresRequest) -> DiscoverStoresResponse:
        """One page of the stores near a place."""
        return self._read(DiscoverStoresResponse, "POST", "stores/discover", request)

    def store(self, store_id: str) -> MarketfrontStore:
        """One store."""
        return self._read(MarketfrontStore, "GET", f"stores/{segment(store_id)}")

    def catalog_set(self, catalog_set_id: str) -> ExternalCatalogSet:
        """A version of a menu."""
        return self._read(ExternalCatalogSet, "GET", f"catalog-sets/{segment(catalog_set_id)}")

    # -- carts: pure functions, nothing is kept ------------------------------------------------------------------------

    def add_to_cart(self, request: AddCartItemRequest) -> Cart:
        """The cart with one line more."""
        return self._read(Cart, "POST", "carts/add", request)

    def update_cart(self, request: UpdateCartItemRequest) -> Cart:
        """The cart with another quantity of a line; 0 removes it."""
        return self._read(Cart, "POST", "carts/update", request)

    def remove_from_cart(self, request: RemoveCartItemRequest) -> Cart:
        """The cart with one line less."""
        return self._read(Cart, "POST", "carts/remove", request)

    # -- orders --------------------------------------------------------------------------------------------------------

    def validate_order(self, order: ExternalOrder) -> ExternalOrder:
        """Have an order checked and priced by its store; what is wrong comes in the order's ``errors``."""
        return self._read(ExternalOrder, "POST", "orders/validate", order)

    def place_order(self, order: PlaceOrderRequest, *, key: str | None = None) -> ExternalOrder:
        """Place an order within 15 minutes of its validation.

        :param key: the ``Idempotency-Key``: the same one replays the first answer for 24 h. A new UUID when None, so give
            one to be able to repeat the call.
        """
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._read(ExternalOrder, "POST", "orders/place", order, headers)

    # -- checkout: saved cards and addresses of the session's user -----------------------------------------------------

    def payments(self, *, offset: int = 0, limit: int = 50) -> UserPaymentResponsePagedResult:
        """One page of saved cards.

        :raises GettUnauthorized: ``SESSION_USER_REQUIRED`` when the session has no user.
        """
        return self._read(UserPaymentResponsePagedResult, "GET", _page("checkout/payments", offset, limit))

    def add_payment(self, request: AddPaymentCardRequest) -> UserPaymentResponse:
        """Save a card."""
        return self._read(UserPaymentResponse, "POST", "checkout/payments", request)

    def addresses(self, *, offset: int = 0, limit: int = 50) -> UserAddressResponsePagedResult:
        """One page of saved addresses.

        :raises GettUnauthorized: ``SESSION_USER_REQUIRED`` when the session has no user.
        """
        return self._read(UserAddressResponsePagedResult, "GET", _page("checkout/addresses", offset, limit))

    def add_address(self, request: AddressInput) -> UserAddressResponse:
        """Save an address."""
        return self._read(UserAddressResponse, "POST", "checkout/addresses", request)


def _page(path: str, offset: int, limit: int) -> str:
    return f"{path}?{urlencode({'offset': offset, 'limit': limit})}"
