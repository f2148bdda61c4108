"""Catalog, order and POS of the receiver's benchmark."""

from __future__ import annotations

import json
from decimal import Decimal
from time import sleep
from typing import Any, ClassVar
from uuid import UUID, uuid4, uuid5

from benchmarks.catalog_data import catalog_data
from webhook_kit.adapter import Capability, CatalogSet, Level, Placed, PosAdapter, Refused, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalItem, ExternalModifierGroup
from webhook_kit.gett.models.order import PlaceOrderRequest

__all__ = ["LargeCatalogPos", "MemoryPos", "as_body", "catalog", "order"]

_IDS = UUID("d7c5a0de-5a0b-4f0c-9a53-0a8a8b2d5d4e")
_PER_GROUP = 5


class MemoryPos(PosAdapter):
    """A POS with native idempotency that keeps its tickets in memory and does not support quotes.

    Options of the store: ``items``, the number of items in the catalog (500); ``delay``, seconds that a new ticket takes (0).
    """

    name = "memory"
    capabilities: ClassVar[dict[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED}

    def __init__(self) -> None:
        self._tickets: dict[str, Placed] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """Build a new catalog for each call, as an adapter that parses a response of its POS."""
        return catalog(store.id, int(store.options.get("items", 500)))

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:  # noqa: ARG002
        """Create a ticket."""
        existing = self._tickets.get(key)
        if existing is not None:
            return existing
        delay = float(store.options.get("delay", 0))
        if delay:
            sleep(delay)
        return self._tickets.setdefault(key, Placed(key))


class LargeCatalogPos(MemoryPos):
    """The same with the catalog of the benchmark of catalogs: 10,000 items and 40,000 options."""

    def fetch_catalog(self, store: Store) -> CatalogSet:  # noqa: ARG002
        """Build the catalog."""
        return CatalogSet.from_json(json.dumps(catalog_data(10_000, 40_000)))


def catalog(store: str, items: int) -> CatalogSet:
    """Build a catalog. A fifth of the items are options in groups of five; each other item has two groups, one required."""
    options = [
        ExternalItem(item_id=_id(store, "option", n), name=f"Option {n}", base_price=Decimal(n % 4) / 4)
        for n in range(items // 5)
    ]
    groups = [
        ExternalModifierGroup(
            modifier_group_id=_id(store, "group", n),
            name=f"Group {n}",
            item_ids=[option.item_id for option in options[n * _PER_GROUP : (n + 1) * _PER_GROUP]],
            minimum_allowed=1 - n % 2,
            maximum_allowed=3,
        )
        for n in range(len(options) // _PER_GROUP)
    ]
    sold = [
        ExternalItem(
            item_id=_id(store, "item", n),
            name=f"Item {n}",
            description=f"Item {n} of the house, made to order from what the market had this morning, with herbs and bread",
            image_url=f"https://images.example/{_id(store, 'image', n)}.jpg",
            base_price=Decimal(700 + n) / 100,
            modifier_group_ids=[_id(store, "group", group) for group in _groups_of(n, len(groups))],
        )
        for n in range(items - len(options))
    ]
    sections = {f"Section {n}": sold[n::20] for n in range(20)}
    return simple_catalog(sections, modifier_groups=groups, options=options)


def order(store: str, gett_id: str, items: int) -> dict[str, Any]:
    """Return an order of 4 lines with 10 modifiers in total, as JSON data."""
    groups = items // 5 // _PER_GROUP
    lines = []
    for n, extras in ((0, 2), (7, 1), (42, 2), (99, 1)):
        required, optional = _groups_of(n, groups)
        lines.append(
            {
                "lineItemId": str(uuid4()),
                "itemId": _id(store, "item", n),
                "quantity": 1 + n % 2,
                "modifierGroups": [_selection(store, required, 1), _selection(store, optional, extras)],
            }
        )
    return {
        "gettOrderId": str(uuid4()),
        "cart": {"catalogSetId": str(uuid4()), "storeId": gett_id, "lineItems": lines},
        "fulfillmentType": "DeliveryByMerchant",
        "deliveryInfo": {
            "type": "ASAP",
            "address": {"address1": "1 Main Street", "city": "New York", "state": "NY", "postalCode": "10001"},
            "instructions": "ring twice, second floor",
        },
        "customer": {"firstName": "Ada", "lastName": "L.", "email": "ada@example.com", "phone": "+12125550100"},
        "amounts": {"tip": 3.5},
    }


def as_body(data: dict[str, Any]) -> bytes:
    """Serialize data as the body of a webhook."""
    return json.dumps(data, separators=(",", ":")).encode()


def _selection(store: str, group: int, count: int) -> dict[str, Any]:
    options = range(group * _PER_GROUP, group * _PER_GROUP + count)
    return {
        "modifierGroupId": _id(store, "group", group),
        "selectedModifiers": [{"itemId": _id(store, "option", option), "quantity": 1} for option in options],
    }


def _groups_of(item: int, groups: int) -> tuple[int, int]:
    required = item * 2 % groups
    return required, required + 1


def _id(store: str, kind: str, number: int) -> str:
    return str(uuid5(_IDS, f"{store} {kind} {number}"))
