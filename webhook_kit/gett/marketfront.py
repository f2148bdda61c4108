"""The Marketfront API, one method per call: sessions, stores, carts, orders, checkout (``gett-protocol.md §6``).

A distribution partner creates sessions with its API key and makes all other calls with the session's token::

    session = Marketfront(url, api_key).create_session(SessionCreateRequest(email=…, first_name=…, last_name=…))
    marketfront = Marketfront(url, session.token)
    marketfront.discover(DiscoverStoresRequest(location=…, query="pizza"))
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
    FulfillmentContextDto,
    HoistSessionRequest,
    SessionCreateRequest,
    SessionCreateResponse,
    SessionMeResponse,
    SetFulfillmentContextRequest,
    UpdateProfileRequest,
)

__all__ = ["Marketfront"]


class Marketfront(Api):
    """Gett's Marketfront API for one bearer token: an API key, or a session's token. See :class:`~webhook_kit.gett.http.Api`."""

    root: ClassVar[str] = "/v1/marketplace/"

    # -- sessions ------------------------------------------------------------------------------------------------------

    def create_session(self, request: SessionCreateRequest | None = None) -> SessionCreateResponse:
        """Create a session, which is anonymous without a request. Needs the API key.

        :raises GettRejected: ``LEVEL_1_INCOMPLETE`` if only some of email, first and last name are given.
        """
        return self._read(SessionCreateResponse, "POST", "session/create", request or SessionCreateRequest())

    def me(self) -> SessionMeResponse:
        """Return the session. Needs a session's token, as all calls below."""
        return self._read(SessionMeResponse, "GET", "session/me")

    # [D] The protocol defines the members of these three calls, but not their paths.

    def hoist(self, request: HoistSessionRequest) -> SessionMeResponse:
        """Give an anonymous session its user, by a Google ID token."""
        return self._read(SessionMeResponse, "POST", "session/hoist", request)

    def set_fulfillment_context(self, request: SetFulfillmentContextRequest) -> FulfillmentContextDto:
        """Set the fulfillment mode and address of the session, and return both."""
        return self._read(FulfillmentContextDto, "PUT", "session/fulfillment-context", request)

    def update_profile(self, request: UpdateProfileRequest) -> SessionMeResponse:
        """Set the phone number of the session's user."""
        return self._read(SessionMeResponse, "PATCH", "session/profile", request)

    # -- stores and catalogs -------------------------------------------------------------------------------------------

    def discover(self, request: DiscoverStoresRequest) -> DiscoverStoresResponse:
        """Return one page of the stores near a location."""
        return self._read(DiscoverStoresResponse, "POST", "stores/discover", request)

    def store(self, store_id: str) -> MarketfrontStore:
        """Return one store."""
        return self._read(MarketfrontStore, "GET", f"stores/{segment(store_id)}")

    def catalog_set(self, catalog_set_id: str) -> ExternalCatalogSet:
        """Return one version of a CatalogSet."""
        return self._read(ExternalCatalogSet, "GET", f"catalog-sets/{segment(catalog_set_id)}")

    # -- carts: pure functions, nothing is stored ----------------------------------------------------------------------

    def add_to_cart(self, request: AddCartItemRequest) -> Cart:
        """Return the cart with one more line."""
        return self._read(Cart, "POST", "carts/add", request)

    def update_cart(self, request: UpdateCartItemRequest) -> Cart:
        """Return the cart with a new quantity of a line; 0 removes it."""
        return self._read(Cart, "POST", "carts/update", request)

    def remove_from_cart(self, request: RemoveCartItemRequest) -> Cart:
        """Return the cart without a line."""
        return self._read(Cart, "POST", "carts/remove", request)

    # -- orders --------------------------------------------------------------------------------------------------------

    def validate_order(self, order: ExternalOrder) -> ExternalOrder:
        """Return an order as its store validated and priced it; errors are in its ``errors``."""
        return self._read(ExternalOrder, "POST", "orders/validate", order)

    def place_order(self, order: PlaceOrderRequest, *, key: str | None = None) -> ExternalOrder:
        """Place an order within 15 minutes of its validation.

        :param key: the ``Idempotency-Key``; the same key replays the first response for 24 h. A new UUID when None, so
            pass one if the call may have to be repeated.
        """
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._read(ExternalOrder, "POST", "orders/place", order, headers)

    # -- checkout: saved cards and addresses of the session's user -----------------------------------------------------

    def payments(self, *, offset: int = 0, limit: int = 50) -> UserPaymentResponsePagedResult:
        """Return one page of saved cards.

        :raises GettUnauthorized: ``SESSION_USER_REQUIRED`` when the session has no user.
        """
        return self._read(UserPaymentResponsePagedResult, "GET", _page("checkout/payments", offset, limit))

    def add_payment(self, request: AddPaymentCardRequest) -> UserPaymentResponse:
        """Save a card."""
        return self._read(UserPaymentResponse, "POST", "checkout/payments", request)

    def addresses(self, *, offset: int = 0, limit: int = 50) -> UserAddressResponsePagedResult:
        """Return one page of saved addresses.

        :raises GettUnauthorized: ``SESSION_USER_REQUIRED`` when the session has no user.
        """
        return self._read(UserAddressResponsePagedResult, "GET", _page("checkout/addresses", offset, limit))

    def add_address(self, request: AddressInput) -> UserAddressResponse:
        """Save an address."""
        return self._read(UserAddressResponse, "POST", "checkout/addresses", request)


def _page(path: str, offset: int, limit: int) -> str:
    return f"{path}?{urlencode({'offset': offset, 'limit': limit})}"
