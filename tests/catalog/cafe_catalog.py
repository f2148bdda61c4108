"""The catalog of a small café as wire data: a latte with milk, syrups with tiers, and a muffin that is sold only in the morning."""

from __future__ import annotations

from typing import Any

from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.order import ExternalOrder

Wire = dict[str, Any]

DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


def daily(start: str, end: str) -> list[Wire]:
    return [{"dayOfWeek": day, "start": start, "end": end} for day in DAYS]


def item(key: str, price: float, *groups: str) -> Wire:
    return {"itemId": key, "name": key.capitalize(), "basePrice": price, "modifierGroupIds": list(groups)}


def group(key: str, options: list[str], minimum: int, maximum: int, **more: Any) -> Wire:
    return {
        "modifierGroupId": key,
        "name": key.capitalize(),
        "itemIds": options,
        "minimumAllowed": minimum,
        "maximumAllowed": maximum,
        **more,
    }


def section(key: str, items: list[str], *sections: str) -> Wire:
    return {"sectionId": key, "name": key.capitalize(), "itemIds": items, "sectionIds": list(sections)}


def catalog(key: str, sections: list[str], availability: list[Wire] | None) -> Wire:
    return {"catalogId": key, "name": key.capitalize(), "sectionIds": sections, "availability": availability}


def cafe() -> Wire:
    return {
        "catalogs": {
            "day": catalog("day", ["drinks"], daily("07:00:00", "19:00:00")),
            "morning": catalog("morning", ["bakery"], daily("07:00:00", "11:00:00")),
        },
        "sections": {
            "drinks": section("drinks", [], "hot"),
            "hot": section("hot", ["latte"]),
            "bakery": section("bakery", ["muffin"]),
        },
        "items": {
            "latte": item("latte", 3.5, "milk", "syrup"),
            "muffin": item("muffin", 2.25),
            "whole": item("whole", 0),
            "oat": item("oat", 0.6, "froth"),
            "vanilla": item("vanilla", 0.4),
            "caramel": item("caramel", 0.45),
            "warm": item("warm", 0),
            "iced": item("iced", 0.1),
        },
        "modifierGroups": {
            "milk": group("milk", ["whole", "oat"], 1, 1),
            "froth": group("froth", ["warm", "iced"], 1, 1),
            "syrup": group(
                "syrup",
                ["vanilla", "caramel"],
                0,
                4,
                enableDuplicateItems=True,
                tiers=[{"offset": 2, "price": 0.25}, {"offset": 0, "price": 0.5}],
            ),
        },
    }


def line(key: str, *entries: Wire, quantity: int = 1) -> Wire:
    return {"lineItemId": f"line-{key}", "itemId": key, "quantity": quantity, "modifierGroups": list(entries)}


def entry(key: str, *selected: Wire) -> Wire:
    return {"modifierGroupId": key, "selectedModifiers": list(selected)}


def latte(*entries: Wire, quantity: int = 1) -> Wire:
    return line("latte", entry("milk", line("whole")), *entries, quantity=quantity)


def order(*lines: Wire, **more: Any) -> ExternalOrder:
    wire = {"cart": {"storeId": "store", "lineItems": list(lines)}, "fulfillmentType": "Pickup", **more}
    return ExternalOrder.model_validate(wire)


def compiled(wire: Wire) -> CompiledCatalog:
    return CompiledCatalog.compile(ExternalCatalogSet.model_validate(wire))
