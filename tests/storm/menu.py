"""The catalog of every store; a store may have prices of its own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from webhook_kit import CatalogSet, Item, ModifierGroup, simple_catalog

__all__ = ["ITEMS", "PRICES", "menu"]

PRICES = {
    "margherita": "12.50",
    "burger": "9.95",
    "salad": "7.33",
    "soup": "5.17",
    "cola": "2.75",
    "espresso": "1.95",
    "mint": "0.10",
    "small": "0.00",
    "large": "3.49",
    "olives": "0.99",
    "bacon": "1.79",
    "cheese": "1.01",
}
"""Prices of items and options."""

ITEMS = ("margherita", "burger", "salad", "soup", "cola", "espresso", "mint")
"""Items that are ordered by themselves."""

_GROUPS = {"margherita": ["size", "extras"], "burger": ["extras"]}


def menu(prices: Mapping[str, str]) -> CatalogSet:
    """Return the catalog.

    :param prices: prices that differ from :data:`PRICES`.
    """
    items = {
        id: Item(
            item_id=id,
            name=id.capitalize(),
            base_price=Decimal(prices.get(id, price)),
            modifier_group_ids=_GROUPS.get(id, []),
        )
        for id, price in PRICES.items()
    }
    groups = [
        ModifierGroup(
            modifier_group_id="size",
            name="Size",
            item_ids=["small", "large"],
            minimum_allowed=1,
            maximum_allowed=1,
        ),
        ModifierGroup(
            modifier_group_id="extras",
            name="Extras",
            item_ids=["olives", "bacon", "cheese"],
            minimum_allowed=0,
            maximum_allowed=3,
        ),
    ]
    sections = {"Food": [items[id] for id in ITEMS[:4]], "Drinks": [items[id] for id in ITEMS[4:]]}
    options = [items[id] for id in PRICES if id not in ITEMS]
    return simple_catalog(sections, modifier_groups=groups, options=options)
