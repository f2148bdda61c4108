"""Reference implementation of prices and hours by ``gett-protocol.md §4``, on plain wire data; slow and simple on purpose.

It shares no code with the implementation that is tested against it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo


def cart_price(catalog: dict[str, Any], cart: dict[str, Any]) -> Decimal:
    return sum((line_price(catalog, line) for line in cart["lineItems"]), Decimal(0))


def line_price(catalog: dict[str, Any], line: dict[str, Any]) -> Decimal:
    """Return quantity × (item.basePrice + Σ over selected modifiers, recursively)."""
    quantity: int = line["quantity"]
    own_price = money(catalog["items"][line["itemId"]]["basePrice"])
    return quantity * (own_price + modifiers_price(catalog, line))


def modifiers_price(catalog: dict[str, Any], line: dict[str, Any]) -> Decimal:
    total = Decimal(0)
    counts: dict[str, int] = {}  # selections of each group, over all its entries on this line
    for entry in line["modifierGroups"]:
        group = catalog["modifierGroups"][entry["modifierGroupId"]]
        for modifier in entry["selectedModifiers"]:
            for _ in range(modifier["quantity"]):
                k = counts.get(group["modifierGroupId"], 0)
                counts[group["modifierGroupId"]] = k + 1
                total += selection_price(catalog, group, modifier, k) + modifiers_price(catalog, modifier)
    return total


def selection_price(catalog: dict[str, Any], group: dict[str, Any], modifier: dict[str, Any], k: int) -> Decimal:
    """Return the price of the tier with the greatest offset ≤ k, or of the option when the group has no tiers."""
    if group.get("tiers") is None:
        return money(catalog["items"][modifier["itemId"]]["basePrice"])
    candidates = [tier for tier in group["tiers"] if tier["offset"] <= k]
    return money(max(candidates, key=lambda tier: int(tier["offset"]))["price"])


def money(number: float) -> Decimal:
    return Decimal(str(number))


def is_open(windows: list[dict[str, Any]] | None, moment: datetime, zone: str) -> bool:
    local = moment.astimezone(ZoneInfo(zone))
    for window in windows or []:
        end = "24:00:00" if window["end"] == "00:00:00" else window["end"]
        if window["dayOfWeek"] == f"{local:%A}" and window["start"] <= f"{local:%H:%M:%S.%f}" < end:
            return True
    return False
