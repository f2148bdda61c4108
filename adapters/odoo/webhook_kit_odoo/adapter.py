"""Odoo 19 as a point of sale: one ``pos.config`` is one store.

What keeps an order single: its uuid in Odoo is the key that the kit derives from store and order, and Odoo's database lets a
uuid stand once. Lines of an order that is there are never sent again: Odoo would add them to it.
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

from webhook_kit.adapter import (
    Capability,
    CatalogChanged,
    CatalogSet,
    Level,
    NotPlaced,
    OrderChanged,
    PauseReason,
    Placed,
    PlacedStatus,
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
from webhook_kit.errors import CatalogInvalid, ConfigurationError, InvalidSignature, InvalidTransition, NotFound
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit_odoo.assessment import assess
from webhook_kit_odoo.client import Odoo, OdooError
from webhook_kit_odoo.mapping import catalog_set, read_menu
from webhook_kit_odoo.options import Options
from webhook_kit_odoo.orders import find_ticket, read_ticket, tickets_since, wire_order
from webhook_kit_odoo.shop import read_shop

__all__ = ["OdooAdapter"]

_CLOCKS_APART = timedelta(seconds=5)
"""Odoo stamps a change with the second in which its transaction began: it may be seen only a little later."""


class OdooAdapter(PosAdapter):
    """See the README for the options and credentials of a store."""

    name = "odoo"
    capabilities: ClassVar[Mapping[Capability, Level]] = dict.fromkeys(Capability, Level.TESTED)

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """The products on sale, with attributes and combos."""
        odoo, options = self._open(store)
        shop = read_shop(odoo, options)
        menu = read_menu(odoo, shop)
        return catalog_set(menu, shop, without=menu.unavailable())

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        """The price of this moment, taxes included, by Odoo's own computation; refused when it could not be placed now."""
        odoo, options = self._open(store)
        assessed = assess(odoo, options, store, order)
        return assessed if isinstance(assessed, Refused) else assessed.amounts

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Look it up, create it, and when Odoo says that it failed, look it up again: another attempt may have been quicker.

        A lost reply is left to the kit, which lets things settle first: a look-up that comes too soon finds nothing.
        """
        try:
            odoo, options = self._open(store)
            if ticket := find_ticket(odoo, options, key):
                return ticket.placed(options)
            assessed = assess(odoo, options, store, order)
            if isinstance(assessed, Refused):
                return assessed
            wire = wire_order(odoo, options, assessed, order, UUID(key))
        except (requests.RequestException, OdooError, ConfigurationError, CatalogInvalid) as error:
            # Up to here everything was only read.
            raise NotPlaced(f"Odoo was asked, nothing was sent: {error}") from error
        try:
            odoo.call("pos.order", "sync_from_ui", orders=[wire])
        except OdooError as error:
            if ticket := find_ticket(odoo, options, key):
                return ticket.placed(options)
            if error.refuses:  # and with the answer everything was rolled back
                closed = "session" in error.words.lower()
                return Refused(Reason.STORE_CLOSED if closed else Reason.OTHER, error.words)
            raise
        return Placed(
            key, PlacedStatus.PENDING if options.acceptance == "staff" else PlacedStatus.ACCEPTED, assessed.amounts
        )

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """The ticket whose uuid is the order's key."""
        odoo, options = self._open(store)
        ticket = find_ticket(odoo, options, placement_key(store, order_ref))
        return ticket.placed(options) if ticket else None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """The tickets of Gett's orders that were written since then."""
        odoo, options = self._open(store)
        tickets = tickets_since(odoo, options, since - _CLOCKS_APART)
        return [ticket.as_pos_order(store, options) for ticket in tickets]

    def store_status(self, store: Store) -> StoreState:
        """Open while the point of sale has an open session; down when Odoo does not answer."""
        odoo, options = self._open(store)
        try:
            return StoreState.OPEN if read_shop(odoo, options).session else StoreState.CLOSED
        except (requests.RequestException, NotPlaced):
            return StoreState.DOWN
        except OdooError as error:
            if error.status >= requests.codes.internal_server_error:
                return StoreState.DOWN
            raise

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        """What an automation of Odoo posts: only which record has changed is believed, the rest is read anew."""
        store = _sender(headers.get("authorization", ""), stores)
        event = json.loads(body)
        match event["_model"]:
            case "pos.order":
                odoo, options = self._open(store)
                ticket = read_ticket(odoo, options, int(event["_id"]))
                return [] if ticket is None else _changed(ticket.as_pos_order(store, options), store)
            case "pos.session" | "pos.config":
                return [StoreChanged(store.id, self.store_status(store), reason=PauseReason.OTHER)]
            case "product.template" | "product.product" | "product.template.attribute.value" | "pos.category":
                return [CatalogChanged(store.id)]
        raise ValueError(f"an automation on {event['_model']} says nothing to this adapter")

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """Cancel the ticket; one that is cancelled already stays so.

        :raises NotFound: Odoo has no such ticket.
        :raises InvalidTransition: the ticket is paid, so that only a refund takes it back.
        """
        odoo, options = self._open(store)
        ticket = find_ticket(odoo, options, order.id)
        if ticket is None:
            raise NotFound(f"Odoo has no order {order.id}")
        if ticket.state == "cancel":
            return
        if ticket.state != "draft":
            raise InvalidTransition(f"Odoo's order {ticket.number} is {ticket.state}: a person has to refund it")
        odoo.call(
            "pos.order", "write", ids=[ticket.id], vals={"general_customer_note": f"{ticket.note}\n{reason}".strip()}
        )
        odoo.call("pos.order", "action_pos_order_cancel", ids=[ticket.id])
        again = find_ticket(odoo, options, order.id)
        if again and again.state == "draft":
            # Odoo leaves a ticket whose slot lies after midnight (UTC) as it is, and says nothing.
            odoo.call("pos.order", "write", ids=[ticket.id], vals={"state": "cancel"})

    # -- private -------------------------------------------------------------------------------------------------------

    def _open(self, store: Store) -> tuple[Odoo, Options]:
        options = Options.of(store)
        return Odoo(self.http, options.url, options.database, options.api_key), options


def _sender(authorization: str, stores: Mapping[str, Store]) -> Store:
    """The store that a webhook comes from: its address carries ``<store id>:<webhook_secret>@``."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name = secret = ""
    store = stores.get(unquote(name))
    wanted = store.credentials.get("webhook_secret", "") if store else ""
    if scheme.lower() != "basic" or store is None or not wanted:
        raise InvalidSignature("the address in Odoo's webhook has to be https://<store id>:<webhook_secret>@…")
    if not hmac.compare_digest(secret.encode(), wanted.encode()):
        raise InvalidSignature(f"the webhook secret of store {store.id} is wrong")
    return store


def _changed(order: PosOrder, store: Store) -> list[PosEvent]:
    if order.status is None and order.state is None:  # still waits for the staff
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
