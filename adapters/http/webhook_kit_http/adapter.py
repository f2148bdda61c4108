"""The callback contract, from the kit's side: each method is one signed call, answered in JSON.

A "no" is an answer with ``refusals`` under status 200; every other status is a failure. 401, 403 and 429 to a placement say that
nothing was looked at; 501 to an optional call says that the POS does not have it. Nothing is tried twice here: the kit does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from webhook_kit.adapter import (
    Capability,
    CatalogSet,
    Level,
    NotPlaced,
    Placed,
    PosAdapter,
    PosEvent,
    PosOrder,
    Refused,
    Store,
    StoreState,
    Unsupported,
)
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit_http.messages import (
    CancelRequest,
    EventList,
    FoundTicket,
    PlaceAnswer,
    PlaceRequest,
    QuoteAnswer,
    QuoteRequest,
    Status,
    TicketList,
)
from webhook_kit_http.signing import sender, signed_headers

__all__ = ["OPTIONAL", "HttpAdapter", "HttpNativeAdapter", "HttpPosError"]

OPTIONAL = ("quote", "orders_since", "store_status", "cancel_order")
"""The calls that a POS may leave out; the store's option ``calls`` names those that it has, all of them by default."""

_TURNED_AWAY = frozenset({401, 403, 429})
_NOT_THERE = 501

_Answer = TypeVar("_Answer", bound=Wire)


class HttpPosError(Exception):
    """The POS gave no usable answer. The text names call and status only: what a POS says may quote a customer's contact.

    :ivar status: its HTTP status.
    """

    def __init__(self, call: str, status: int) -> None:
        self.status = status
        super().__init__(f"{call}: HTTP {status}")


class HttpAdapter(PosAdapter):
    """A POS that can be asked for an order's ticket. Whether it knows our key again is not relied on."""

    name = "http"
    # Proven against example/pos.js. Whether a POS takes our key nobody knows but its vendor, who then names the other adapter.
    capabilities: ClassVar[Mapping[Capability, Level]] = {
        capability: Level.TESTED for capability in Capability if capability is not Capability.NATIVE_IDEMPOTENCY
    }

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """``GET /catalog``."""
        return CatalogSet.from_json(self._call(store, "GET", "/catalog"))

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        """``POST /quote``."""
        request = QuoteRequest.model_validate({"order": _without(order, "payment", "validatedOrderToken")})
        with _optional(store, "quote"):
            return self._ask(QuoteAnswer, store, "POST", "/quote", request).meaning()

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """``POST /orders`` with our key as its Idempotency-Key."""
        request = PlaceRequest.model_validate(
            {"orderRef": order.order_ref, "order": _without(order, "validatedOrderToken")}
        )
        try:
            answer = self._ask(PlaceAnswer, store, "POST", "/orders", request, {"Idempotency-Key": key})
        except HttpPosError as error:
            if error.status in _TURNED_AWAY:
                raise NotPlaced(str(error)) from error
            raise
        return answer.meaning()

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """``GET /orders/by-ref?ref=…``."""
        found = self._ask(FoundTicket, store, "GET", f"/orders/by-ref?{urlencode({'ref': order_ref})}").ticket
        return None if found is None else found.meaning()

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """``GET /orders?since=…``."""
        query = urlencode({"since": since.astimezone(UTC).isoformat().replace("+00:00", "Z")})
        with _optional(store, "orders_since"):
            return [each.meaning() for each in self._ask(TicketList, store, "GET", f"/orders?{query}").orders]

    def store_status(self, store: Store) -> StoreState:
        """``GET /status``."""
        with _optional(store, "store_status"):
            return self._ask(Status, store, "GET", "/status").state

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """``POST /orders/{id}/cancel``; done when it is answered 2xx.

        :raises HttpPosError: when the POS does not cancel it, 409 when it is too late.
        """
        with _optional(store, "cancel_order"):
            self._call(store, "POST", f"/orders/{quote(order.id, safe='')}/cancel", CancelRequest(reason=reason))

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        """``{"events": […]}``, signed as the POS's calls are."""
        store = sender(headers, body, stores)
        return [event.meaning(store.id) for event in EventList.from_json(body).events]

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _ask(
        self,
        answer: type[_Answer],
        store: Store,
        method: str,
        path: str,
        request: Wire | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Answer:
        return answer.from_json(self._call(store, method, path, request, headers))

    def _call(
        self,
        store: Store,
        method: str,
        path: str,
        request: Wire | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """One signed exchange.

        :raises HttpPosError: for every status but 2xx; a redirect is not followed, for the signature is for one address.
        """
        body = request.to_json() if request is not None else b""
        said = {"Accept": "application/json", **(headers or {}), **signed_headers(store, f"{method} {path}", body)}
        if request is not None:
            said["Content-Type"] = "application/json"
        url = f"{_base_url(store)}{path}"
        answer = self.http.request(method, url, data=body, headers=said, allow_redirects=False)
        if not 200 <= answer.status_code < 300:
            raise HttpPosError(f"{method} {path.partition('?')[0]}", answer.status_code)
        return answer.content


class HttpNativeAdapter(HttpAdapter):
    """A POS that takes our key: placing twice with one Idempotency-Key makes one ticket and gives one answer."""

    name = "http-native"
    capabilities: ClassVar[Mapping[Capability, Level]] = dict.fromkeys(Capability, Level.TESTED)


def _base_url(store: Store) -> str:
    url = str(store.options.get("base_url", "")).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(f"store {store.id}: options.base_url has to be the POS's http:// or https:// address")
    if parts.username or parts.password:
        raise ConfigurationError(f"store {store.id}: options.base_url holds credentials, which would end up in logs")
    return url


@contextmanager
def _optional(store: Store, call: str) -> Iterator[None]:
    """Around a call that the store's POS need not have.

    :raises Unsupported: when the store's options say that it has not, or the POS itself does.
    :raises ConfigurationError: when what the options say is no list of calls.
    """
    calls: Any = store.options.get("calls", OPTIONAL)
    if not isinstance(calls, list | tuple) or not set(calls) <= set(OPTIONAL):
        raise ConfigurationError(f"store {store.id}: options.calls is a list of some of: {', '.join(OPTIONAL)}")
    if call not in calls:
        raise Unsupported(call)
    try:
        yield
    except HttpPosError as error:
        if error.status == _NOT_THERE:
            raise Unsupported(call) from error
        raise


def _without(order: ExternalOrder, *members: str) -> dict[str, Any]:
    """The order as it travels to the POS; the token, for one, is between Gett and us."""
    return {name: value for name, value in order.to_wire().items() if name not in members}
