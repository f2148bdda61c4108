"""The callback contract from the kit's side: each method is one signed call with a JSON response.

A refusal is a response with ``refusals`` and status 200; every other status is a failure. 401, 403 and 429 to a placement state that
nothing was placed; 501 to an optional call states that the POS does not have it. Nothing is retried here: the kit does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args
from urllib.parse import quote, urlencode, urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from webhook_kit import (
    Amounts,
    Capability,
    CatalogSet,
    InvalidSignature,
    Level,
    NotPlaced,
    Order,
    Placed,
    PlaceOrderRequest,
    PosAdapter,
    PosEvent,
    PosOrder,
    Refused,
    Store,
    StoreState,
    Unsupported,
    Wire,
)
from webhook_kit_http.messages import (
    CancelRequest,
    EventList,
    OrderList,
    PlaceRequest,
    PlaceResponse,
    QuoteRequest,
    QuoteResponse,
    StatusResponse,
    TicketResponse,
)
from webhook_kit_http.signing import claimed_store, signed_headers, verify_event

__all__ = ["OPTIONAL_CALLS", "HttpAdapter", "HttpNativeAdapter", "HttpPosError"]

OptionalCall = Literal["quote", "orders_since", "store_status", "cancel_order"]

OPTIONAL_CALLS: tuple[OptionalCall, ...] = get_args(OptionalCall)
"""The calls that a POS may leave out."""

_NOT_PROCESSED = frozenset({401, 403, 429})
_NOT_IMPLEMENTED = 501

_Response = TypeVar("_Response", bound=Wire)


class HttpPosError(Exception):
    """The POS gave no usable response.

    The text has call and status only, because a response may contain a customer's contact.

    :ivar status: its HTTP status.
    """

    def __init__(self, call: str, status: int) -> None:
        self.status = status
        super().__init__(f"{call}: HTTP {status}")


def _checked_base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("an http:// or https:// address without query and fragment is required")
    if parts.username or parts.password:
        raise ValueError("remove user name and password, which would reach logs")
    return url.rstrip("/")


def _checked_secrets(secrets: SecretStr) -> SecretStr:
    if not _split(secrets):
        raise ValueError("at least one secret is required")
    return secrets


class HttpAdapter(PosAdapter):
    """A POS that can look up an order's ticket. Its handling of a repeated key is not relied on."""

    name = "http"
    # Proven against example/pos.js. Only its vendor can confirm that a POS takes our key, and then configures the other adapter.
    capabilities: ClassVar[Mapping[Capability, Level]] = {
        capability: Level.TESTED for capability in Capability if capability is not Capability.NATIVE_IDEMPOTENCY
    }

    class Config(BaseModel):
        """Options of a store."""

        base_url: Annotated[str, AfterValidator(_checked_base_url)] = Field(
            description="Address of the POS, such as https://pos.example"
        )
        calls: tuple[OptionalCall, ...] = Field(
            OPTIONAL_CALLS, description="Optional calls that the POS has; the others are not made."
        )

    class Credentials(BaseModel):
        """Credentials of a store."""

        secret: Annotated[SecretStr, AfterValidator(_checked_secrets)] = Field(
            description="Secret with which kit and POS sign: at least 32 random characters; several, separated by commas, "
            "while it is rotated."
        )

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """``GET /catalog``."""
        return CatalogSet.from_answer(self._call(store, "GET", "/catalog"))

    def quote(self, store: Store, order: Order) -> Amounts | Refused:
        """``POST /quote``."""
        request = QuoteRequest(order=_without(order, "payment", "validatedOrderToken"))
        with self._optional(store, "quote"):
            return self._request(QuoteResponse, store, "POST", "/quote", request).result()

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """``POST /orders`` with our key as its Idempotency-Key."""
        request = PlaceRequest(orderRef=order.order_ref, order=_without(order, "validatedOrderToken"))
        try:
            response = self._request(PlaceResponse, store, "POST", "/orders", request, {"Idempotency-Key": key})
        except HttpPosError as error:
            if error.status in _NOT_PROCESSED:
                raise NotPlaced(str(error)) from error
            raise
        return response.result()

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """``GET /orders/by-ref?ref=…``."""
        response = self._request(TicketResponse, store, "GET", f"/orders/by-ref?{urlencode({'ref': order_ref})}")
        return None if response.ticket is None else response.ticket.placed()

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """``GET /orders?since=…``."""
        query = urlencode({"since": since.astimezone(UTC).isoformat().replace("+00:00", "Z")})
        with self._optional(store, "orders_since"):
            return [order.pos_order() for order in self._request(OrderList, store, "GET", f"/orders?{query}").orders]

    def store_status(self, store: Store) -> StoreState:
        """``GET /status``."""
        with self._optional(store, "store_status"):
            return self._request(StatusResponse, store, "GET", "/status").state

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """``POST /orders/{id}/cancel``; any 2xx confirms it.

        :raises HttpPosError: when the POS does not cancel it, 409 when it is too late.
        """
        with self._optional(store, "cancel_order"):
            self._call(store, "POST", f"/orders/{quote(order.id, safe='')}/cancel", CancelRequest(reason=reason))

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        """``{"events": […]}``, signed in the same way as calls to the POS."""
        store = stores.get(claimed_store(headers))
        if store is None:
            raise InvalidSignature("the Store header is missing, or names a store that is not served here")
        verify_event(headers, body, self._secrets(store))
        return [event.event(store.id) for event in EventList.from_answer(body).events]

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _secrets(self, store: Store) -> list[str]:
        """Return the store's secrets; the first one signs, any one verifies, so that they can be rotated."""
        return _split(self.credentials(store).secret)

    def _request(
        self,
        response: type[_Response],
        store: Store,
        method: str,
        path: str,
        request: Wire | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Response:
        return response.from_answer(self._call(store, method, path, request, headers))

    def _call(
        self,
        store: Store,
        method: str,
        path: str,
        request: Wire | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Make one signed call and return the body of the response.

        :raises HttpPosError: for every status but 2xx; a redirect is not followed, because a signature is for one address.
        """
        body = request.to_json() if request is not None else b""
        signed = signed_headers(store.id, self._secrets(store)[0], f"{method} {path}", body)
        sent = {"Accept": "application/json", **(headers or {}), **signed}
        if request is not None:
            sent["Content-Type"] = "application/json"
        url = f"{self.config(store).base_url}{path}"
        response = self.http.request(method, url, data=body, headers=sent, allow_redirects=False)
        if not 200 <= response.status_code < 300:
            raise HttpPosError(f"{method} {path.partition('?')[0]}", response.status_code)
        return response.content

    @contextmanager
    def _optional(self, store: Store, call: OptionalCall) -> Iterator[None]:
        """Surround a call that the store's POS may leave out.

        :raises Unsupported: when the POS does not have it, by the store's options or by its own response.
        """
        if call not in self.config(store).calls:
            raise Unsupported(call)
        try:
            yield
        except HttpPosError as error:
            if error.status == _NOT_IMPLEMENTED:
                raise Unsupported(call) from error
            raise


class HttpNativeAdapter(HttpAdapter):
    """A POS that takes our key: placing twice with one Idempotency-Key makes one ticket and returns the same response."""

    name = "http-native"
    capabilities: ClassVar[Mapping[Capability, Level]] = dict.fromkeys(Capability, Level.TESTED)


def _split(secrets: SecretStr) -> list[str]:
    return [secret for part in secrets.get_secret_value().split(",") if (secret := part.strip())]


def _without(order: Order, *members: str) -> dict[str, Any]:
    """Return the order as it travels to the POS. The token stays between Gett and the kit."""
    return {name: value for name, value in order.to_wire().items() if name not in members}
