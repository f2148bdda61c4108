"""Bodies of the webhooks that ``webhook-kit trigger`` sends: an order of the store's own catalog, an order event, a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import click

from webhook_kit.errors import CatalogInvalid, NotFound
from webhook_kit.texts import decode_file

if TYPE_CHECKING:
    from webhook_kit.gett.models.catalog import ExternalCatalogSet
    from webhook_kit.kit import Kit
    from webhook_kit.pos.store import Store

__all__ = ["TriggeredEvent", "example_event", "example_order", "read_body", "schema_of", "store_of"]

TriggeredEvent = Literal["validateOrder", "placeOrder", "orderEvent"]

_LARGEST = 4_000_000
"""Bytes of a file that are read."""
_CUSTOMER = {"firstName": "Sam", "lastName": "Sample", "email": "sam@example.org", "phone": "+15550100"}
_ADDRESS = {"address1": "1 Test Street", "city": "Springfield", "postalCode": "00000"}


def schema_of(event: TriggeredEvent) -> dict[str, Any]:
    """Return the JSON Schema of an event's body."""
    from webhook_kit.gett.models.base import Wire
    from webhook_kit.gett.models.marketfront import OrderEvent
    from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest

    models: dict[TriggeredEvent, type[Wire]] = {
        "validateOrder": ExternalOrder,
        "placeOrder": PlaceOrderRequest,
        "orderEvent": OrderEvent,
    }
    return models[event].model_json_schema(by_alias=True)


def read_body(file: Path) -> dict[str, Any]:
    """Read a body from a file, or from the standard input (``-``).

    :raises BadParameter: it is not a JSON object.
    """
    try:
        with click.open_file(str(file), "rb") as opened:
            raw = opened.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise click.BadParameter(f"{file} has more than {_LARGEST} bytes", param_hint="--file")
        body = json.loads(decode_file(raw))
    except OSError as error:
        raise click.BadParameter(f"{file}: {error.strerror}", param_hint="--file") from error
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{file} is not JSON: {str(error)[:200]}", param_hint="--file") from error
    if not isinstance(body, dict):
        raise click.BadParameter(f"{file} is not a JSON object", param_hint="--file")
    return body


def store_of(kit: Kit, store_id: str | None) -> Store:
    """Return the store with this id; without one, the only store.

    :raises NotFound: there is no such store.
    :raises UsageError: there is none, or more than one to choose from.
    """
    if store_id is not None:
        return kit.stores.get(store_id)
    stores = list(kit.stores)
    if len(stores) != 1:
        raise click.UsageError(f"--store is missing; there are {len(stores)} stores: webhook-kit stores list")
    return stores[0]


def example_order(kit: Kit, store: Store) -> dict[str, Any]:
    """Return an order of one item that the store offers now, with required options only: the last good catalog's first.

    :raises NotFound: nothing can be ordered now, or the store has no id at Gett.
    """
    from webhook_kit.testing.orderable import OrderableCatalog

    if not store.gett_id:
        raise NotFound(f"store {store.id} has no id at Gett; next: webhook-kit stores onboard {store.id}")
    catalog = kit.catalogs.last_good(store) or _catalog_of_pos(kit, store)
    unavailable = kit.availability.unavailable_items(store)
    orderable = OrderableCatalog(catalog, timezone=store.timezone, leave_out=unavailable)
    if not orderable.item_ids:
        raise NotFound(f"no item of store {store.id} can be ordered now; check its catalog's hours, or give --file")
    pickup = store.fulfillment_types is None or "Pickup" in store.fulfillment_types
    order = {
        "gettOrderId": str(uuid4()),
        "cart": {"storeId": store.gett_id, "lineItems": [_numbered(orderable.minimal_line(orderable.item_ids[0]))]},
        "fulfillmentType": "Pickup" if pickup else min(store.fulfillment_types or ()),
        "customer": dict(_CUSTOMER),
        "amounts": {"tip": 0},
    }
    return order if pickup else {**order, "deliveryInfo": {"address": dict(_ADDRESS)}}


def _catalog_of_pos(kit: Kit, store: Store) -> ExternalCatalogSet:
    from webhook_kit.catalog.check import check_bytes
    from webhook_kit.cli.catalog_source import read_from_pos

    catalog, _ = check_bytes(read_from_pos(kit, store))
    if catalog is None:
        raise CatalogInvalid(f"store {store.id}: its catalog has errors; see webhook-kit catalog check {store.id}")
    return catalog


def example_event() -> dict[str, Any]:
    """Return an event of an order that nobody knows."""
    data = {"type": "order", "checkout_session_id": str(uuid4()), "status": "confirmed", "refunds": []}
    return {"type": "order_update", "data": data}


def _numbered(line: dict[str, Any]) -> dict[str, Any]:
    return {"lineItemId": "1", **line}
