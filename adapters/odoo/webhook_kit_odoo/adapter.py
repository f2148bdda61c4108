"""Odoo 19 as a point of sale: one ``pos.config`` is one store.

One ticket per order rests on its uuid in Odoo: it is the key that the kit derives from store and order, and Odoo's database accepts a
uuid only once. The lines of an existing order are never sent again, because Odoo would add them to it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import unquote
from uuid import UUID

import requests

from webhook_kit import (
    Amounts,
    Capability,
    CatalogChanged,
    CatalogInvalid,
    CatalogSet,
    ConfigurationError,
    InvalidSignature,
    InvalidTransition,
    Level,
    NotFound,
    NotPlaced,
    Order,
    OrderChanged,
    PauseReason,
    Placed,
    PlacedStatus,
    PlaceOrderRequest,
    PosAdapter,
    PosEvent,
    PosOrder,
    Reason,
    Refused,
    Store,
    StoreChanged,
    StoreState,
    placement_key,
)
from webhook_kit_odoo.catalog import catalog_set
from webhook_kit_odoo.client import Odoo, OdooError
from webhook_kit_odoo.config import OdooConfig, OdooCredentials
from webhook_kit_odoo.opening import check_opening
from webhook_kit_odoo.point_of_sale import read_point_of_sale
from webhook_kit_odoo.records import read_catalog
from webhook_kit_odoo.tickets import find_ticket, read_ticket, tickets_since, wire_order
from webhook_kit_odoo.validation import validate_order

__all__ = ["OdooAdapter"]

_CLOCK_TOLERANCE = timedelta(seconds=5)
"""Odoo stamps a change with the second in which its transaction began: it becomes visible only a little later."""


class OdooAdapter(PosAdapter):
    """The README describes the set-up of Odoo."""

    name = "odoo"
    capabilities: ClassVar[Mapping[Capability, Level]] = dict.fromkeys(Capability, Level.TESTED)

    class Config(OdooConfig):
        """Options of a store."""

    class Credentials(OdooCredentials):
        """Credentials of a store."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """Return the available products, with attributes and combos.

        :raises ConfigurationError: for an option that names nothing in Odoo, or a user who may not create tickets.
        :raises CatalogInvalid: when Odoo's own prices cannot be matched.
        """
        odoo, config = self._open(store)
        pos = read_point_of_sale(odoo, config)
        odoo = odoo.in_company(pos.company)
        records = read_catalog(odoo, pos)
        check_opening(odoo, config, pos, records)
        return catalog_set(records, pos, without=records.unavailable())

    def quote(self, store: Store, order: Order) -> Amounts | Refused:
        """Return the current price, with taxes as Odoo computes them; refused if the order could not be placed now."""
        odoo, config = self._open(store)
        result = validate_order(odoo, config, store, order)
        return result if isinstance(result, Refused) else result.amounts

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Look up the ticket, create it, and look it up again if Odoo reports an error: another attempt may have created it.

        A lost response is left to the kit, which waits first: an immediate look-up may find nothing yet.
        """
        try:
            odoo, config = self._open(store)
            if ticket := find_ticket(odoo, config, key):
                return ticket.placed(config)
            validated = validate_order(odoo, config, store, order)
            if isinstance(validated, Refused):
                return validated
            odoo = odoo.in_company(validated.pos.company)
            wire = wire_order(odoo, config, validated, order, UUID(key))
        except LookupError as error:
            return Refused(Reason.ITEM_UNAVAILABLE, str(error))
        except (requests.RequestException, OdooError, ConfigurationError, CatalogInvalid) as error:
            if isinstance(error, OdooError) and error.refuses:
                return Refused(Reason.OTHER, error.message)
            # Up to here nothing was written but variants of products, which may exist.
            raise NotPlaced(f"reading from Odoo failed, nothing was sent: {error}") from error
        try:
            odoo.call("pos.order", "sync_from_ui", orders=[wire])
        except OdooError as error:
            if error.status == requests.codes.unauthorized:
                raise NotPlaced(f"Odoo refused the API key, nothing was done: {error}") from error
            if ticket := find_ticket(odoo, config, key):
                return ticket.placed(config)
            if error.refuses:  # everything was rolled back
                closed = "session" in error.message.lower()
                return Refused(Reason.STORE_CLOSED if closed else Reason.OTHER, error.message)
            raise
        status = PlacedStatus.PENDING if config.acceptance == "staff" else PlacedStatus.ACCEPTED
        return Placed(key, status, validated.amounts)

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """Return the ticket whose uuid is the order's key."""
        odoo, config = self._open(store)
        ticket = find_ticket(odoo, config, placement_key(store, order_ref))
        return ticket.placed(config) if ticket else None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """Return the tickets of Gett's orders that were written since then."""
        odoo, config = self._open(store)
        tickets = tickets_since(odoo, config, since - _CLOCK_TOLERANCE)
        return [ticket.pos_order(store, config) for ticket in tickets]

    def store_status(self, store: Store) -> StoreState:
        """Return OPEN while the point of sale has an open session; DOWN if Odoo does not respond."""
        odoo, config = self._open(store)
        try:
            return StoreState.OPEN if read_point_of_sale(odoo, config).session else StoreState.CLOSED
        except (requests.RequestException, NotPlaced):
            return StoreState.DOWN
        except OdooError as error:
            if error.status >= requests.codes.internal_server_error:
                return StoreState.DOWN
            raise

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        """Parse the webhook of an automation of Odoo: it only names the changed record, which is then read from Odoo."""
        store = self._sender(headers.get("authorization", ""), stores)
        event = json.loads(body)
        match event["_model"]:
            case "pos.order":
                odoo, config = self._open(store)
                ticket = read_ticket(odoo, config, int(event["_id"]))
                return [] if ticket is None else _changed(ticket.pos_order(store, config), store)
            case "pos.session" | "pos.config":
                return [StoreChanged(store.id, self.store_status(store), PauseReason.OTHER)]
            case "product.template" | "product.product" | "product.template.attribute.value" | "pos.category":
                return [CatalogChanged(store.id)]
        raise ValueError(f"webhooks of the model {event['_model']} are not supported; remove its automation")

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """Cancel the ticket; a cancelled one stays so.

        :raises NotFound: when there is no such ticket.
        :raises InvalidTransition: when it is paid: only a refund cancels it.
        """
        odoo, config = self._open(store)
        ticket = find_ticket(odoo, config, order.id)
        if ticket is None:
            raise NotFound(f"Odoo has no order {order.id}")
        if ticket.state == "cancel":
            return
        if ticket.state != "draft":
            raise InvalidTransition(f"Odoo's order {ticket.number} is {ticket.state}; refund it in Odoo")
        odoo.call(
            "pos.order", "write", ids=[ticket.id], vals={"general_customer_note": f"{ticket.note}\n{reason}".strip()}
        )
        odoo.call("pos.order", "action_pos_order_cancel", ids=[ticket.id])
        again = find_ticket(odoo, config, order.id)
        if again and again.state == "draft":
            # Odoo does not cancel a ticket whose slot is after midnight (UTC), and reports no error.
            odoo.call("pos.order", "write", ids=[ticket.id], vals={"state": "cancel"})

    # -- private -------------------------------------------------------------------------------------------------------

    def _open(self, store: Store) -> tuple[Odoo, OdooConfig]:
        config, api_key = self.config(store), self.credentials(store).api_key.get_secret_value()
        return Odoo(self.http, config.url, config.database, api_key), config

    def _sender(self, authorization: str, stores: Mapping[str, Store]) -> Store:
        """Return the store that sent a webhook: its address has ``<store id>:<webhook_secret>@``."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name = secret = ""
        store = stores.get(unquote(name))
        expected = self.credentials(store).webhook_secret.get_secret_value() if store else ""
        if scheme.lower() != "basic" or store is None or not expected:
            raise InvalidSignature("the address in Odoo's webhook must be https://<store id>:<webhook_secret>@…")
        if not hmac.compare_digest(secret.encode(), expected.encode()):
            raise InvalidSignature(f"the webhook secret of store {store.id} is wrong")
        return store


def _changed(order: PosOrder, store: Store) -> list[PosEvent]:
    if order.status is None and order.state is None:  # not accepted by the staff yet
        return []
    return [
        OrderChanged(
            store.id,
            order_id=order.id,
            order_ref=order.order_ref,
            status=order.status,
            state=order.state,
            reason=order.reason,
            estimated_ready_at=order.estimated_ready_at,
        )
    ]
