"""Square as a point of sale.

Square shows an order to the kitchen once it is paid, so a ticket is two calls: the order, then an external payment that records that
Gett has the money. Both carry a key derived from the kit's, so a lost response is resolved by repeating the call: ``place_order``
with the same key never makes a second ticket. An order that was created but not paid is not a ticket, and is not found as one.

[D] The partner's own id of a store is Square's location id: Square's webhooks name the location and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid5

import httpx
from square import Square
from square.requests.order import OrderParams
from square.requests.search_orders_query import SearchOrdersQueryParams
from square.types.location import Location
from square.types.order import Order as SquareOrder
from square.utils.webhooks_helper import verify_signature

from webhook_kit import (
    Amounts,
    Capability,
    CatalogSet,
    ConfigurationError,
    InvalidSignature,
    Level,
    NotPlaced,
    Order,
    Placed,
    PlaceOrderRequest,
    PosAdapter,
    PosEvent,
    PosOrder,
    Reason,
    Refusal,
    Refused,
    Store,
    StoreState,
)
from webhook_kit_square import mapping, money
from webhook_kit_square.api import NO_RETRIES, KitTransport, SquareError, connect, square_errors
from webhook_kit_square.catalog import TYPES, catalog_set, is_sold_out
from webhook_kit_square.config import PERMISSIONS, SquareConfig, SquareCredentials

__all__ = ["SquareAdapter"]

T = TypeVar("T")

_KEY_NAMESPACE = UUID("0d0a6f0e-5a5e-5a0d-9f5c-6f1f1c8f3c52")
_SEARCH_WINDOW = timedelta(days=3)  # [D] Gett's retries end long before
_PAGE = 500
_FORBIDDEN = 403


class SquareAdapter(PosAdapter):
    """One Square seller per store; many stores."""

    name = "square"
    capabilities: ClassVar[Mapping[Capability, Level]] = dict.fromkeys(Capability, Level.TESTED)

    class Config(SquareConfig):
        """Options of a store."""

    class Credentials(SquareCredentials):
        """Credentials of a store."""

    def __init__(self) -> None:
        # Has no connection: each request uses the session of the thread that makes it.
        self._http = httpx.Client(transport=KitTransport(lambda: self.http))

    # -- catalog and price ---------------------------------------------------------------------------------------------

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """Return the location's catalog without unavailable items, with the hours of the location.

        :raises ConfigurationError: when the token lacks a permission, or the location's currency has three decimals.
        """
        square = self._square(store)
        location = self._location(square, store)
        _check_permissions(square)
        with square_errors("catalog.list"):
            objects = list(square.catalog.list(types=TYPES, request_options=NO_RETRIES))
        return catalog_set(objects, location, datetime.now(UTC))

    def quote(self, store: Store, order: Order) -> Amounts | Refused:
        """Return the amounts that Square charges, taxes included.

        Refused if the location is not active or an item is unavailable: Square itself would price and sell it all the same.
        """
        square = self._square(store)
        location = self._location(square, store)
        refused = (
            mapping.unplaceable(order)
            or _closed(location)
            or mapping.unpayable_tip(order, location.currency)
            or self._unavailable(square, order, store)
        )
        if refused:
            return refused
        try:
            with square_errors("orders.calculate"):
                response = square.orders.calculate(order=mapping.priced(order, store.id), request_options=NO_RETRIES)
        except SquareError as error:
            if error.refused:
                return mapping.refusal(error, order)
            raise
        return money.amounts(_required(response.order, "orders.calculate"), order.tip)

    # -- tickets -------------------------------------------------------------------------------------------------------

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Create an order with the kit's key, then its payment with a key derived from it."""
        if refused := mapping.unplaceable(order):
            return refused
        square = self._square(store)
        params = mapping.ticket(order, store, preparation_minutes=self.config(store).preparation_minutes)
        try:
            created = self._create(square, params, key)
        except SquareError as error:
            if "IDEMPOTENCY_KEY_REUSED" in error.codes:
                # The store's options have changed since an earlier attempt: the order of that attempt counts.
                earlier = self._find(square, store, order.order_ref)
                if earlier is None:
                    raise
                created = earlier
            elif error.not_processed:
                raise NotPlaced(str(error)) from error
            elif error.refused:
                return mapping.refusal(error, order)
            else:
                raise
        return self._paid(square, created, order, key)

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """Search Gett's orders of the last three days: Square cannot look up a reference."""
        order = self._find(self._square(store), store, order_ref)
        return _placed(order) if order is not None and order.tenders else None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """Return Gett's paid orders that changed since then, ended ones included."""
        query = _query("UPDATED_AT", {"updated_at": {"start_at": since.astimezone(UTC).isoformat()}})
        orders = self._search(self._square(store), store, query)
        return [mapping.pos_order(order) for order in orders if order.tenders]

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """Cancel the fulfillment, which the kitchen sees. The recorded payment stays: Gett returns the money.

        :raises SquareError: when Square does not cancel it, for example after it was handed over.
        """
        square = self._square(store)
        try:
            self._cancel(square, order.id, reason)
        except SquareError as error:
            if not error.stale:
                raise
            self._cancel(square, order.id, reason)  # it changed between reading and writing

    # -- store status and webhooks -------------------------------------------------------------------------------------

    def store_status(self, store: Store) -> StoreState:
        """Return OPEN while the location is active; its hours are in the catalog."""
        return StoreState.CLOSED if _closed(self._location(self._square(store), store)) else StoreState.OPEN

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        """Parse ``order.fulfillment.updated`` of Gett's orders; any other event results in nothing.

        :raises ConfigurationError: when no store has ``webhook_signature_key`` and ``webhook_url``.
        """
        signers = self._signers(headers, body, stores)
        event = json.loads(body)
        if event["type"] != "order.fulfillment.updated":
            return []
        updated = event["data"]["object"]["order_fulfillment_updated"]
        location = updated["location_id"]
        if location in stores and location not in signers:
            raise InvalidSignature(f"the event of store {location} is signed with the key of another store")
        return list(mapping.changes(updated))

    def _signers(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> set[str]:
        """Return the ids of the stores whose signature key has signed a webhook.

        :raises InvalidSignature: when there are none.
        """
        by_key: dict[tuple[str, str], set[str]] = {}  # the stores of one Square application share address and key
        for store in stores.values():
            url = self.config(store).webhook_url
            keys = self.credentials(store).webhook_signature_key.get_secret_value().split(",")
            for key in filter(None, map(str.strip, keys if url else [])):
                by_key.setdefault((url, key), set()).add(store.id)
        if not by_key:
            raise ConfigurationError(
                "Square's webhooks need credentials.webhook_signature_key and options.webhook_url of their store"
            )
        signature = headers.get("x-square-hmacsha256-signature", "")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            text = ""  # Square sends JSON, so this body is not Square's
        signers = [
            ids
            for (url, key), ids in by_key.items()
            if verify_signature(request_body=text, signature_header=signature, signature_key=key, notification_url=url)
        ]
        if not signers:
            raise InvalidSignature("x-square-hmacsha256-signature is missing or wrong")
        return set().union(*signers)

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _square(self, store: Store) -> Square:
        config = self.config(store)
        token = self.credentials(store).token.get_secret_value()
        return connect(token, config.environment, config.base_url, self._http)

    def _location(self, square: Square, store: Store) -> Location:
        with square_errors("locations.get"):
            found: Location | None = square.locations.get(store.id, request_options=NO_RETRIES).location
        location = _required(found, "locations.get")
        if not money.has_cents(location.currency):
            raise ConfigurationError(
                f"Square's location {store.id} sells in {location.currency}, which has more than two decimals; "
                "Gett's amounts have two, so its orders cannot be taken"
            )
        return location

    def _unavailable(self, square: Square, order: Order, store: Store) -> Refused | None:
        references = list(mapping.references(order))
        ids = list(dict.fromkeys(each.object_id for each in references))
        with square_errors("catalog.batch_get"):
            response = square.catalog.batch_get(object_ids=ids, request_options=NO_RETRIES)
        now, objects = datetime.now(UTC), response.objects or ()
        known = {each.id for each in objects if not each.is_deleted}
        sold_out = {each.id for each in objects if is_sold_out(each, store.id, now)}
        refusals = [
            Refusal(Reason.ITEM_UNAVAILABLE, f"{each.object_id} is unavailable", each.item_id, each.json_path)
            if each.object_id in sold_out
            else Refusal(Reason.ITEM_UNKNOWN, f"Square has no {each.object_id}", each.item_id, each.json_path)
            for each in references
            if each.object_id in sold_out or each.object_id not in known
        ]
        return Refused.all(refusals) if refusals else None

    def _create(self, square: Square, order: OrderParams, key: str) -> SquareOrder:
        with square_errors("orders.create"):
            response = square.orders.create(order=order, idempotency_key=key, request_options=NO_RETRIES)
        created: SquareOrder | None = response.order
        return _required(created, "orders.create")

    def _paid(self, square: Square, created: SquareOrder, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Pay an order, or cancel it: no order may stay open without a payment."""
        try:
            self._pay(square, created, order, key)
        except SquareError as error:
            # Without the permission PAYMENTS_WRITE no attempt will ever pay it.
            if not (error.refused or error.status == _FORBIDDEN):
                raise
            details = "; ".join(each.detail or str(each.code) for each in error.errors)
            return self._not_paid(square, _required(created.id, "orders.create"), details)
        except ValueError as error:  # an amount that the currency does not have: nothing was sent
            return self._not_paid(square, _required(created.id, "orders.create"), str(error))
        return Placed(_required(created.id, "orders.create"), amounts=money.amounts(created, order.tip))

    def _pay(self, square: Square, created: SquareOrder, order: PlaceOrderRequest, key: str) -> None:
        payment_key = str(uuid5(_KEY_NAMESPACE, f"payment\n{key}"))
        order_id = _required(created.id, "orders.create")
        currency = created.total_money.currency if created.total_money else None
        due = money.major(created.total_money) - money.major(created.total_tip_money)
        if due + order.tip == 0:  # Square takes no payment of zero
            with square_errors("orders.pay"):
                square.orders.pay(order_id, idempotency_key=payment_key, payment_ids=[], request_options=NO_RETRIES)
            return
        with square_errors("payments.create"):
            square.payments.create(
                source_id="EXTERNAL",
                idempotency_key=payment_key,
                amount_money=money.minor(due, currency),
                tip_money=money.minor(order.tip, currency),
                order_id=order_id,
                location_id=created.location_id,
                reference_id=created.reference_id,
                external_details={"type": "OTHER", "source": mapping.SOURCE},
                request_options=NO_RETRIES,
            )

    def _not_paid(self, square: Square, order_id: str, details: str) -> Placed | Refused:
        """Resolve an order whose payment Square refuses."""
        current = self._read(square, order_id)
        if current.tenders:  # an earlier attempt has paid it
            return _placed(current)
        if current.state != "CANCELED":
            self._cancel(square, order_id, "not paid")
        return Refused(Reason.PAYMENT_FAILED, f"Square refuses the payment: {details}")

    def _read(self, square: Square, order_id: str) -> SquareOrder:
        with square_errors("orders.get"):
            order: SquareOrder | None = square.orders.get(order_id, request_options=NO_RETRIES).order
        return _required(order, "orders.get")

    def _cancel(self, square: Square, order_id: str, reason: str) -> None:
        current = self._read(square, order_id)
        fulfillment = mapping.our_fulfillment(current)
        if current.state == "CANCELED" or fulfillment is None or fulfillment.state == "CANCELED":
            return
        details = "delivery_details" if fulfillment.type == "DELIVERY" else "pickup_details"
        change: dict[str, Any] = {
            "uid": fulfillment.uid,
            "state": "CANCELED",
            details: {"cancel_reason": mapping.plain_text(reason, 100)},
        }
        sparse: dict[str, Any] = {
            "location_id": current.location_id,
            "version": current.version,
            "fulfillments": [change],
        }
        if not current.tenders:
            sparse["state"] = "CANCELED"  # a paid order cannot be cancelled as a whole
        with square_errors("orders.update"):
            square.orders.update(order_id, order=sparse, request_options=NO_RETRIES)

    def _find(self, square: Square, store: Store, order_ref: str) -> SquareOrder | None:
        since = datetime.now(UTC) - _SEARCH_WINDOW
        query = _query("CREATED_AT", {"created_at": {"start_at": since.isoformat()}})
        reference = mapping.reference(store, order_ref)
        return next((order for order in self._search(square, store, query) if order.reference_id == reference), None)

    def _search(self, square: Square, store: Store, query: SearchOrdersQueryParams) -> Iterator[SquareOrder]:
        cursor: dict[str, str] = {}
        while True:
            with square_errors("orders.search"):
                page = square.orders.search(
                    location_ids=[store.id], query=query, limit=_PAGE, request_options=NO_RETRIES, **cursor
                )
            yield from page.orders or ()
            if not page.cursor or page.cursor == cursor.get("cursor"):  # the end, or a cursor that leads to itself
                return
            cursor = {"cursor": page.cursor}


def _query(sort_field: str, times: dict[str, dict[str, str]]) -> SearchOrdersQueryParams:
    """Return a query of Gett's orders, the latest first."""
    query: Any = {
        "filter": {"date_time_filter": times, "source_filter": {"source_names": [mapping.SOURCE]}},
        "sort": {"sort_field": sort_field, "sort_order": "DESC"},
    }
    params: SearchOrdersQueryParams = query
    return params


def _check_permissions(square: Square) -> None:
    """Check the token's permissions, if Square tells them: without one of them an order would fail.

    :raises ConfigurationError: when some are missing.
    """
    try:
        with square_errors("oauth2.token.status"):
            granted = square.o_auth.retrieve_token_status(request_options=NO_RETRIES).scopes
    except SquareError:
        return  # the calls themselves report a wrong token
    if granted and (missing := [each for each in PERMISSIONS if each not in granted]):
        raise ConfigurationError(
            f"credentials.token lacks the permissions {', '.join(missing)}; authorize the application again with them"
        )


def _closed(location: Location) -> Refused | None:
    if location.status == "ACTIVE":
        return None
    return Refused(Reason.STORE_CLOSED, "Square reports that the location is not active")


def _placed(order: SquareOrder) -> Placed:
    amounts = money.amounts(order, money.major(order.total_tip_money))
    return Placed(_required(order.id, "orders.get"), amounts=amounts)


def _required(value: T | None, call: str) -> T:
    """Return a part that every success has.

    :raises SquareError: when it is missing.
    """
    if not value:
        raise SquareError(call, None, [])
    return value
