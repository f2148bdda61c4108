"""Square as a point of sale: how each method of the contract is done there.

Square shows an order in the kitchen once it is paid, so a ticket is two calls: the order, then an external payment that says
Gett has the money. Both carry a key derived from the kit's, so a lost answer is settled by asking again: ``place_order``
with the same key never makes a second ticket. An order that was made and not paid is no ticket, and is not found as one.

[D] The partner's own id of a store is Square's location id: Square's webhooks name the location and nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid5

import httpx
from square import Square
from square.requests.order import OrderParams
from square.requests.search_orders_query import SearchOrdersQueryParams
from square.types.location import Location
from square.types.order import Order
from square.utils.webhooks_helper import verify_signature

from webhook_kit.adapter import (
    Capability,
    CatalogSet,
    Level,
    NotPlaced,
    OrderChanged,
    OrderProgress,
    Placed,
    PosAdapter,
    PosEvent,
    PosOrder,
    Reason,
    Refusal,
    Refused,
    Store,
    StoreState,
)
from webhook_kit.errors import ConfigurationError, InvalidSignature
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit_square import mapping
from webhook_kit_square.api import ONCE, KitTransport, SquareError, connect, plainly
from webhook_kit_square.menu import TYPES, is_sold_out, menu

__all__ = ["SquareAdapter"]

T = TypeVar("T")

_KEYS = UUID("0d0a6f0e-5a5e-5a0d-9f5c-6f1f1c8f3c52")
_LOOK_BACK = timedelta(days=3)  # [D] Gett's retries end long before
_PAGE = 500


class SquareAdapter(PosAdapter):
    """One Square seller per store; many stores."""

    name = "square"
    capabilities: ClassVar[Mapping[Capability, Level]] = dict.fromkeys(Capability, Level.TESTED)

    def __init__(self) -> None:
        # Holds no connection: each request goes through the session of the thread that makes it.
        self._http = httpx.Client(transport=KitTransport(lambda: self.http))

    # -- menu and price ------------------------------------------------------------------------------------------------

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """The location's catalog, without what has run out; open when the location is."""
        square = self._square(store)
        location = self._location(square, store)
        with plainly("catalog.list"):
            objects = list(square.catalog.list(types=TYPES, request_options=ONCE))
        return menu(objects, store.id, location.business_hours, datetime.now(UTC))

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        """What Square would charge, taxes included.

        Refused when the location is not active or something has run out: Square itself would price and sell all the same.
        """
        square = self._square(store)
        if refused := mapping.unplaceable(order) or self._closed(square, store) or self._run_out(square, order, store):
            return refused
        try:
            with plainly("orders.calculate"):
                answer = square.orders.calculate(order=mapping.priced(order, store.id), request_options=ONCE)
        except SquareError as error:
            if error.refused:
                return mapping.refusal(error, order)
            raise
        return mapping.amounts(_the(answer.order, "orders.calculate"), order.tip)

    # -- tickets -------------------------------------------------------------------------------------------------------

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """An order under the kit's key, then its payment under a key derived from that."""
        if refused := mapping.unplaceable(order):
            return refused
        square = self._square(store)
        try:
            made = self._create(square, mapping.ticket(order, store), key)
        except SquareError as error:
            if "IDEMPOTENCY_KEY_REUSED" in error.codes:
                # A store's options have changed since an earlier attempt; what that one made is the order.
                earlier = self._find(square, store, order.order_ref)
                if earlier is None:
                    raise
                made = earlier
            elif error.turned_away:
                raise NotPlaced(str(error)) from error
            elif error.refused:
                return mapping.refusal(error, order)
            else:
                raise
        return self._paid(square, made, order, key)

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """Among the orders of the last three days that came from Gett: Square cannot be asked for a reference."""
        found = self._find(self._square(store), store, order_ref)
        return _placed(found) if found is not None and found.tenders else None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """The paid orders from Gett that changed since then, closed ones included."""
        query = _query("UPDATED_AT", {"updated_at": {"start_at": since.astimezone(UTC).isoformat()}})
        orders = self._search(self._square(store), store, query)
        return [mapping.pos_order(order) for order in orders if order.tenders]

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """Cancel the fulfillment, which is what the kitchen sees. The recorded payment stays: Gett returns the money.

        :raises SquareError: when Square will not, an order that was handed over included.
        """
        square = self._square(store)
        try:
            self._cancel(square, order.id, reason)
        except SquareError as error:
            if not error.stale:
                raise
            self._cancel(square, order.id, reason)  # it moved on between reading and writing

    # -- the store, and what Square says of its own accord -------------------------------------------------------------

    def store_status(self, store: Store) -> StoreState:
        """Open while the location is active; its hours are in the menu."""
        return StoreState.CLOSED if self._closed(self._square(store), store) else StoreState.OPEN

    def parse_event(
        self,
        headers: Mapping[str, str],
        body: bytes,
        stores: Mapping[str, Store],  # noqa: ARG002 - one secret for all stores
    ) -> Sequence[PosEvent]:
        """``order.fulfillment.updated``, as far as it is about our orders; every other event says nothing here.

        :raises ConfigurationError: when ``SQUARE_WEBHOOK_SIGNATURE_KEY`` or ``SQUARE_WEBHOOK_URL`` is missing.
        """
        _authenticate(headers, body)
        event = json.loads(body)
        if event["type"] != "order.fulfillment.updated":
            return []
        updated = event["data"]["object"]["order_fulfillment_updated"]
        return list(_changes(updated))

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _square(self, store: Store) -> Square:
        return connect(store, self._http)

    def _location(self, square: Square, store: Store) -> Location:
        with plainly("locations.get"):
            location: Location | None = square.locations.get(store.id, request_options=ONCE).location
        return _the(location, "locations.get")

    def _closed(self, square: Square, store: Store) -> Refused | None:
        if self._location(square, store).status == "ACTIVE":
            return None
        return Refused(Reason.STORE_CLOSED, "Square says that the location is not active")

    def _run_out(self, square: Square, order: ExternalOrder, store: Store) -> Refused | None:
        wanted = list(mapping.sold(order))
        ids = list(dict.fromkeys(each.object_id for each in wanted))
        with plainly("catalog.batch_get"):
            answer = square.catalog.batch_get(object_ids=ids, request_options=ONCE)
        now = datetime.now(UTC)
        known = {found.id for found in answer.objects or () if not found.is_deleted}
        gone = {found.id for found in answer.objects or () if is_sold_out(found, store.id, now)}
        refusals = [
            Refusal(Reason.ITEM_UNAVAILABLE, f"{each.object_id} has run out", each.item_id, each.json_path)
            if each.object_id in gone
            else Refusal(Reason.ITEM_UNKNOWN, f"Square has no {each.object_id}", each.item_id, each.json_path)
            for each in wanted
            if each.object_id in gone or each.object_id not in known
        ]
        return Refused.all(refusals) if refusals else None

    def _create(self, square: Square, order: OrderParams, key: str) -> Order:
        with plainly("orders.create"):
            made: Order | None = square.orders.create(order=order, idempotency_key=key, request_options=ONCE).order
        return _the(made, "orders.create")

    def _paid(self, square: Square, made: Order, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Pay an order, or end it: none may stay open without money."""
        try:
            self._pay(square, made, order, key)
        except SquareError as error:
            if not error.refused:
                raise
            return self._unpaid(square, _the(made.id, "orders.create"), error)
        return Placed(_the(made.id, "orders.create"), amounts=mapping.amounts(made, order.tip))

    def _pay(self, square: Square, made: Order, order: PlaceOrderRequest, key: str) -> None:
        payment_key = str(uuid5(_KEYS, f"payment\n{key}"))
        order_id = _the(made.id, "orders.create")
        currency = made.total_money.currency if made.total_money else None
        due = mapping.major(made.total_money) - mapping.major(made.total_tip_money)
        if due + order.tip == 0:  # Square takes no payment of nothing
            with plainly("orders.pay"):
                square.orders.pay(order_id, idempotency_key=payment_key, payment_ids=[], request_options=ONCE)
            return
        with plainly("payments.create"):
            square.payments.create(
                source_id="EXTERNAL",
                idempotency_key=payment_key,
                amount_money=mapping.minor(due, currency),
                tip_money=mapping.minor(order.tip, currency),
                order_id=order_id,
                location_id=made.location_id,
                reference_id=made.reference_id,
                external_details={"type": "OTHER", "source": mapping.SOURCE},
                request_options=ONCE,
            )

    def _unpaid(self, square: Square, order_id: str, error: SquareError) -> Placed | Refused:
        """What to make of an order whose payment Square refuses."""
        now = self._read(square, order_id)
        if now.tenders:  # an earlier attempt has paid it
            return _placed(now)
        if now.state != "CANCELED":
            self._cancel(square, order_id, "not paid")
        words = "; ".join(found.detail or str(found.code) for found in error.errors)
        return Refused(Reason.PAYMENT_FAILED, f"Square does not take the payment: {words}")

    def _read(self, square: Square, order_id: str) -> Order:
        with plainly("orders.get"):
            found: Order | None = square.orders.get(order_id, request_options=ONCE).order
        return _the(found, "orders.get")

    def _cancel(self, square: Square, order_id: str, reason: str) -> None:
        now = self._read(square, order_id)
        fulfillment = mapping.our_fulfillment(now)
        if now.state == "CANCELED" or fulfillment is None or fulfillment.state == "CANCELED":
            return
        details = "delivery_details" if fulfillment.type == "DELIVERY" else "pickup_details"
        change: dict[str, Any] = {"uid": fulfillment.uid, "state": "CANCELED", details: {"cancel_reason": reason[:100]}}
        sparse: dict[str, Any] = {"location_id": now.location_id, "version": now.version, "fulfillments": [change]}
        if not now.tenders:
            sparse["state"] = "CANCELED"  # what is paid cannot be cancelled as a whole
        with plainly("orders.update"):
            square.orders.update(order_id, order=sparse, request_options=ONCE)

    def _find(self, square: Square, store: Store, order_ref: str) -> Order | None:
        since = datetime.now(UTC) - _LOOK_BACK
        query = _query("CREATED_AT", {"created_at": {"start_at": since.isoformat()}})
        name = mapping.reference(store, order_ref)
        return next((found for found in self._search(square, store, query) if found.reference_id == name), None)

    def _search(self, square: Square, store: Store, query: SearchOrdersQueryParams) -> Iterator[Order]:
        cursor: dict[str, str] = {}
        while True:
            with plainly("orders.search"):
                page = square.orders.search(
                    location_ids=[store.id], query=query, limit=_PAGE, request_options=ONCE, **cursor
                )
            yield from page.orders or ()
            if not page.cursor or page.cursor == cursor.get("cursor"):  # the end, or a cursor that leads back to itself
                return
            cursor = {"cursor": page.cursor}


def _query(sort_field: str, times: dict[str, dict[str, str]]) -> SearchOrdersQueryParams:
    """Our own orders, the latest first."""
    query: Any = {
        "filter": {"date_time_filter": times, "source_filter": {"source_names": [mapping.SOURCE]}},
        "sort": {"sort_field": sort_field, "sort_order": "DESC"},
    }
    made: SearchOrdersQueryParams = query
    return made


def _placed(order: Order) -> Placed:
    return Placed(_the(order.id, "orders.get"), amounts=mapping.amounts(order, mapping.major(order.total_tip_money)))


def _authenticate(headers: Mapping[str, str], body: bytes) -> None:
    keys = [key for key in os.environ.get("SQUARE_WEBHOOK_SIGNATURE_KEY", "").split(",") if key]
    url = os.environ.get("SQUARE_WEBHOOK_URL", "")
    if not keys or not url:
        raise ConfigurationError(
            "SQUARE_WEBHOOK_SIGNATURE_KEY and SQUARE_WEBHOOK_URL are needed to take Square's webhooks"
        )
    signature = headers.get("x-square-hmacsha256-signature", "")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""  # Square sends JSON; this is not Square's
    genuine = [
        verify_signature(request_body=text, signature_header=signature, signature_key=key, notification_url=url)
        for key in keys
    ]
    if not any(genuine):
        raise InvalidSignature("x-square-hmacsha256-signature is missing or wrong")


def _changes(updated: Mapping[str, Any]) -> Iterator[OrderChanged]:
    for change in updated.get("fulfillment_update") or ():
        if change.get("fulfillment_uid") != mapping.FULFILLMENT_UID:
            continue  # somebody else's order
        if change.get("new_state") == "PROPOSED":
            continue  # not paid yet, perhaps; whether the order was placed, we know ourselves
        said = mapping.progress(change.get("new_state"))
        if said != OrderProgress():
            yield OrderChanged(
                store_id=updated["location_id"],
                order_id=updated["order_id"],
                status=said.status,
                state=said.state,
                reason=said.reason,
            )


def _the(found: T | None, call: str) -> T:
    """What a success has to bring.

    :raises SquareError: when it does not.
    """
    if not found:
        raise SquareError(call, None, [])
    return found
