"""Judges carts by ``gett-protocol.md §3, §4``, on plain wire data; slow and simple on purpose.

It was written from the protocol, before the implementation was read, and shares no code with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Wire = dict[str, Any]


class Complaint(NamedTuple):
    """A reason to refuse a cart, and the rule that it breaks. The rule is for statistics, and is never compared."""

    code: str
    path: str
    item_id: str | None
    rule: str


class Verdict(NamedTuple):
    """The complaints about an order, and the price of each line that has none."""

    complaints: list[Complaint]
    prices: list[Decimal | None]

    @property
    def accepted(self) -> bool:
        return not self.complaints

    @property
    def sub_total(self) -> Decimal:
        """Return the sum of all lines. Only an accepted cart has one."""
        return sum((price for price in self.prices if price is not None), Decimal(0))


@dataclass(frozen=True)
class Situation:
    """What a cart is judged by."""

    catalog: Wire
    at: datetime
    zone: str = "UTC"
    unavailable: Collection[str] = ()
    """Items that have run out."""
    fulfillment_types: Collection[str] | None = None
    """What the store offers. None stands for everything."""


def judge(situation: Situation, order: Wire) -> Verdict:
    """Judge an order as it came in a validateOrder. Every complaint is there at once."""
    lines = order["cart"].get("lineItems") or []
    complaints = [*_order_complaints(situation, order), *_fulfillment_complaints(situation, order)]
    prices: list[Decimal | None] = []
    for number, line in enumerate(lines):
        about_line = list(_line_complaints(situation, line, f"$.cart.lineItems[{number}]"))
        complaints += about_line
        prices.append(None if about_line else line_price(situation.catalog, line))
    return Verdict(complaints, prices)


# -- legality ----------------------------------------------------------------------------------------------------------


def _order_complaints(situation: Situation, order: Wire) -> Iterator[Complaint]:
    if not order["cart"].get("lineItems"):  # §3: at least one line item
        yield Complaint("CART_EMPTY", "$.cart.lineItems", None, "empty cart")
    if not _open_catalogs(situation):
        yield Complaint("STORE_CLOSED", "$.cart.storeId", None, "store closed")


def _fulfillment_complaints(situation: Situation, order: Wire) -> Iterator[Complaint]:
    kind = order["fulfillmentType"]
    if situation.fulfillment_types is not None and kind not in situation.fulfillment_types:
        yield Complaint("OTHER", "$.fulfillmentType", None, "fulfillment type not offered")
    if kind != "DeliveryByMerchant":
        return
    delivery = order.get("deliveryInfo")
    if delivery is None:  # §3: required for DeliveryByMerchant
        yield Complaint("ADDRESS_INVALID", "$.deliveryInfo", None, "delivery without deliveryInfo")
        return
    address = delivery.get("address")
    if address is None:
        yield Complaint("ADDRESS_INVALID", "$.deliveryInfo.address", None, "delivery without address")
        return
    for member in ("address1", "city", "state", "postalCode"):
        if not (address.get(member) or "").strip():
            yield Complaint("ADDRESS_INVALID", f"$.deliveryInfo.address.{member}", None, "address incomplete")


def _line_complaints(situation: Situation, line: Wire, path: str) -> Iterator[Complaint]:
    item_id = line["itemId"]
    catalogs = situation.catalog["catalogs"].values()
    if item_id not in situation.catalog["items"]:
        yield Complaint("ITEM_UNAVAILABLE", path, item_id, "unknown item")
        return
    opened = _open_catalogs(situation)
    if not any(item_id in _items_of(situation.catalog, catalog) for catalog in catalogs):
        yield Complaint("ITEM_UNAVAILABLE", path, item_id, "not sold on its own")
    elif not is_available(situation, item_id):
        yield Complaint("ITEM_UNAVAILABLE", path, item_id, "item has run out")
    elif opened and not any(item_id in _items_of(situation.catalog, catalog) for catalog in opened):
        yield Complaint("ITEM_UNAVAILABLE", path, item_id, "item out of hours")
    yield from _choice_complaints(situation, line, path)


def _choice_complaints(situation: Situation, line: Wire, path: str) -> Iterator[Complaint]:
    """Judge the modifiers of a line, or of a modifier, at every level."""
    groups = situation.catalog["modifierGroups"]
    own = situation.catalog["items"][line["itemId"]].get("modifierGroupIds") or []
    entries = line.get("modifierGroups") or []
    for i, entry in enumerate(entries):
        if entry["modifierGroupId"] not in own:
            yield Complaint("MODIFIER_REQUIRED", f"{path}.modifierGroups[{i}]", line["itemId"], "foreign group")
            continue
        options = groups[entry["modifierGroupId"]].get("itemIds") or []
        for j, modifier in enumerate(entry.get("selectedModifiers") or []):
            where = f"{path}.modifierGroups[{i}].selectedModifiers[{j}]"
            if modifier["itemId"] not in options:
                yield Complaint("MODIFIER_REQUIRED", where, modifier["itemId"], "foreign option")
                continue
            if not is_available(situation, modifier["itemId"]):
                yield Complaint("ITEM_UNAVAILABLE", where, modifier["itemId"], "option has run out")
            yield from _choice_complaints(situation, modifier, where)
    for group_id in dict.fromkeys(own):
        yield from _group_complaints(groups[group_id], line, path)


def _group_complaints(group: Wire, line: Wire, path: str) -> Iterator[Complaint]:
    """Judge the selections of one group, over all its entries on this line."""
    places = [
        (f"{path}.modifierGroups[{i}]", entry)
        for i, entry in enumerate(line.get("modifierGroups") or [])
        if entry["modifierGroupId"] == group["modifierGroupId"]
    ]
    chosen = [
        (f"{place}.selectedModifiers[{j}]", modifier)
        for place, entry in places
        for j, modifier in enumerate(entry.get("selectedModifiers") or [])
    ]
    total = sum(modifier["quantity"] for _, modifier in chosen)
    where = places[0][0] if places else path
    if total < group["minimumAllowed"]:
        rule = "group below its minimum" if places else "required group absent"
        yield Complaint("MODIFIER_REQUIRED", where, line["itemId"], rule)
    if total > group["maximumAllowed"]:
        yield Complaint("MODIFIER_REQUIRED", where, line["itemId"], "group above its maximum")
    if group.get("enableDuplicateItems"):
        return
    seen = set()
    for where, modifier in chosen:
        if modifier["itemId"] in (group.get("itemIds") or []) and (modifier["itemId"] in seen or modifier["quantity"] > 1):
            rule = "option repeated by its quantity" if modifier["quantity"] > 1 else "option repeated"
            yield Complaint("MODIFIER_REQUIRED", where, modifier["itemId"], rule)
        seen.add(modifier["itemId"])


def is_available(situation: Situation, item_id: str) -> bool:
    """Return False if an item has run out, or if a group that it requires has too few options left."""
    if item_id in situation.unavailable:
        return False
    for group_id in situation.catalog["items"][item_id].get("modifierGroupIds") or []:
        group = situation.catalog["modifierGroups"][group_id]
        left = sum(is_available(situation, option) for option in set(group.get("itemIds") or []))
        enough = left > 0 if group.get("enableDuplicateItems") else left >= group["minimumAllowed"]
        if group["minimumAllowed"] > 0 and not enough:
            return False
    return True


def _items_of(catalog_set: Wire, part: Wire) -> set[str]:
    """Return the items of a catalog or section, and of the sections in it."""
    result = set(part.get("itemIds") or [])
    for section_id in part.get("sectionIds") or []:
        result |= _items_of(catalog_set, catalog_set["sections"][section_id])
    return result


# -- hours -------------------------------------------------------------------------------------------------------------


def _open_catalogs(situation: Situation) -> list[Wire]:
    return [
        catalog
        for catalog in situation.catalog["catalogs"].values()
        if is_open(catalog.get("availability"), situation.at, situation.zone)
    ]


def is_open(windows: list[Wire] | None, moment: datetime, zone: str) -> bool:
    local = moment.astimezone(ZoneInfo(zone))
    for window in windows or []:
        end = "24:00:00" if window["end"] == "00:00:00" else window["end"]
        if window["dayOfWeek"] == f"{local:%A}" and window["start"] <= f"{local:%H:%M:%S.%f}" < end:
            return True
    return False


# -- prices ------------------------------------------------------------------------------------------------------------


def cart_price(catalog: Wire, cart: Wire) -> Decimal:
    return sum((line_price(catalog, line) for line in cart["lineItems"]), Decimal(0))


def line_price(catalog: Wire, line: Wire) -> Decimal:
    """Return quantity × (item.basePrice + Σ over selected modifiers, recursively)."""
    quantity: int = line["quantity"]
    own_price = money(catalog["items"][line["itemId"]]["basePrice"])
    return quantity * (own_price + modifiers_price(catalog, line))


def modifiers_price(catalog: Wire, line: Wire) -> Decimal:
    """Add up the modifiers of one piece of a line, each single piece on its own."""
    total = Decimal(0)
    counts: dict[str, int] = {}  # selections of each group, over all its entries on this line
    for entry in line.get("modifierGroups") or []:
        group = catalog["modifierGroups"][entry["modifierGroupId"]]
        for modifier in entry.get("selectedModifiers") or []:
            for _ in range(modifier["quantity"]):
                k = counts.get(group["modifierGroupId"], 0)
                counts[group["modifierGroupId"]] = k + 1
                total += selection_price(catalog, group, modifier, k) + modifiers_price(catalog, modifier)
    return total


def selection_price(catalog: Wire, group: Wire, modifier: Wire, k: int) -> Decimal:
    """Return the price of the tier with the greatest offset ≤ k, or of the option when the group has no tiers."""
    if not group.get("tiers"):
        return money(catalog["items"][modifier["itemId"]]["basePrice"])
    candidates = [tier for tier in group["tiers"] if tier["offset"] <= k]
    return money(max(candidates, key=lambda tier: int(tier["offset"]))["price"])


def money(number: float) -> Decimal:
    """Read a price of a catalog: whole cents. Less than 0.0001 beside a cent is the noise of binary floating point [D]."""
    exact = Decimal(str(number))
    return round(exact, 2) if abs(exact - round(exact, 2)) < Decimal("0.0001") else exact
