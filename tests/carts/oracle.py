"""Judges carts by ``gett-protocol.md §3, §4``, on plain wire data; slow and simple on purpose.

It was written from the protocol, before the implementation was read, and shares no code with it. Where the protocol is silent, it
follows what the pages of ``docs/`` promise; these places are marked [D].
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.carts.form import Complaint, form_complaints

Wire = dict[str, Any]


class Verdict(NamedTuple):
    """The complaints about an order, the price of each line that has none, and the total of an order without complaints."""

    complaints: list[Complaint]
    prices: list[Decimal | None]
    total: Decimal | None


@dataclass(frozen=True)
class Situation:
    """The circumstances in which a cart is judged."""

    catalog: Wire
    at: datetime
    zone: str = "UTC"
    unavailable: Collection[str] = ()
    """Items that have run out."""
    fulfillment_types: Collection[str] | None = None
    """Types that the store offers. None stands for everything."""
    versions_of_others: Collection[str] = ()
    """Ids of the catalogs of other stores."""


def judge(situation: Situation, order: Wire) -> Verdict:
    """Judge an order as it came in a validateOrder. Every complaint is there at once.

    A malformed order is refused for its form alone.
    """
    malformed = list(form_complaints(order))
    if malformed:
        return Verdict(malformed, [], None)
    view = _View(situation)
    complaints = [*_order_complaints(view, order), *_fulfillment_complaints(situation, order), *_tip_complaints(order)]
    prices: list[Decimal | None] = []
    for number, line in enumerate(order["cart"]["lineItems"]):
        about_line = list(_line_complaints(view, line, f"$.cart.lineItems[{number}]"))
        complaints += about_line
        prices.append(None if about_line else line_price(situation.catalog, line))
    if None in prices:
        return Verdict(complaints, prices, None)
    sub_total = sum((price for price in prices if price is not None), Decimal(0))
    total = sub_total + money((order.get("amounts") or {}).get("tip") or 0)
    if sub_total < 0 or total >= 10**10:  # [D] what nobody can pay; twelve digits are exact in a JSON number
        complaints.append(
            Complaint("OTHER", "$.cart", None, "price below nothing" if sub_total < 0 else "price too high")
        )
    return Verdict(complaints, prices, None if complaints else total)


class _View:
    """A situation, with what follows from it for every cart."""

    def __init__(self, situation: Situation) -> None:
        self.catalog = situation.catalog
        self.versions_of_others = situation.versions_of_others
        catalogs = situation.catalog["catalogs"].values()
        opened = [each for each in catalogs if is_open(each.get("availability"), situation.at, situation.zone)]
        self.is_open = bool(opened)
        self.sold = {item_id for each in catalogs for item_id in items_of(situation.catalog, each)}
        self.sold_now = {item_id for each in opened for item_id in items_of(situation.catalog, each)}
        self.run_out = run_out(situation)


# -- legality ----------------------------------------------------------------------------------------------------------


def _order_complaints(view: _View, order: Wire) -> Iterator[Complaint]:
    if not order["cart"]["lineItems"]:  # §3: at least one line item
        yield Complaint("CART_EMPTY", "$.cart.lineItems", None, "empty cart")
    if not view.is_open:
        yield Complaint("STORE_CLOSED", "$.cart.storeId", None, "store closed")
    if order["cart"].get("catalogSetId") in view.versions_of_others:  # [D] an older or unknown version is none of these
        yield Complaint("CATALOGSET_NOT_FOUND", "$.cart.catalogSetId", None, "catalog of another store")
    items = set(view.catalog["items"])
    for name, value in order["cart"].items():
        if name in ("catalogSetId", "storeId", "lineItems"):
            continue
        if _names_one_of(value, items) or (isinstance(value, str) and value in items and _is_worded(name)):
            yield Complaint("INVALID_REQUEST", f"$.cart.{name}", None, "lines under another name")


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


def _tip_complaints(order: Wire) -> Iterator[Complaint]:
    amounts = order.get("amounts") or {}
    parts = amounts.get("tipDescription")
    if parts is not None and sum(money(part["value"]) for part in parts) != money(amounts.get("tip") or 0):
        yield Complaint("INVALID_REQUEST", "$.amounts.tipDescription", None, "tip is not the sum of its description")


def _line_complaints(view: _View, line: Wire, path: str) -> Iterator[Complaint]:
    item_id = line["itemId"]
    if item_id not in view.catalog["items"]:
        yield Complaint("ITEM_UNAVAILABLE", path, item_id, "unknown item")
        return
    if item_id not in view.sold:
        yield Complaint("ITEM_UNAVAILABLE", path, item_id, "not sold on its own")
    elif view.is_open and item_id not in view.sold_now:
        yield Complaint("ITEM_UNAVAILABLE", path, item_id, "item out of hours")
    if item_id in view.run_out:
        yield Complaint("ITEM_UNAVAILABLE", path, item_id, "item has run out")
    yield from _choice_complaints(view, line, path)


def _choice_complaints(view: _View, line: Wire, path: str) -> Iterator[Complaint]:
    """Judge the modifiers of a line, or of a modifier, at every level.

    [D] What is chosen below a group or option that is refused itself is not judged.
    """
    groups = view.catalog["modifierGroups"]
    own = view.catalog["items"][line["itemId"]].get("modifierGroupIds") or []
    to_choose_from = {option for group_id in own for option in groups[group_id].get("itemIds") or []}
    yield from _misplaced(line, LINE_MEMBERS, to_choose_from, line["itemId"], path)
    for i, entry in enumerate(entries_of(line)):
        yield from _misplaced(entry, GROUP_MEMBERS, to_choose_from, line["itemId"], f"{path}.modifierGroups[{i}]")
        if entry["modifierGroupId"] not in own:
            yield Complaint("MODIFIER_REQUIRED", f"{path}.modifierGroups[{i}]", line["itemId"], "foreign group")
            continue
        options = groups[entry["modifierGroupId"]].get("itemIds") or []
        for j, modifier in enumerate(selected_of(entry)):
            where = f"{path}.modifierGroups[{i}].selectedModifiers[{j}]"
            if modifier["itemId"] not in options:
                yield Complaint("MODIFIER_REQUIRED", where, modifier["itemId"], "foreign option")
                continue
            if modifier["itemId"] in view.run_out:
                yield Complaint("ITEM_UNAVAILABLE", where, modifier["itemId"], "option has run out")
            yield from _choice_complaints(view, modifier, where)
    for group_id in dict.fromkeys(own):
        yield from _group_complaints(groups[group_id], line, path)


def _group_complaints(group: Wire, line: Wire, path: str) -> Iterator[Complaint]:
    """Judge the selections of one group, over all its entries on this line."""
    places = [
        (f"{path}.modifierGroups[{i}]", entry)
        for i, entry in enumerate(entries_of(line))
        if entry["modifierGroupId"] == group["modifierGroupId"]
    ]
    chosen = [
        (f"{place}.selectedModifiers[{j}]", modifier)
        for place, entry in places
        for j, modifier in enumerate(selected_of(entry))
    ]
    total = sum(pieces(modifier) for _, modifier in chosen)
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
        if modifier["itemId"] not in (group.get("itemIds") or []):
            continue
        if pieces(modifier) > 1:
            yield Complaint("MODIFIER_REQUIRED", where, modifier["itemId"], "option repeated by its quantity")
        elif modifier["itemId"] in seen:
            yield Complaint("MODIFIER_REQUIRED", where, modifier["itemId"], "option repeated")
        seen.add(modifier["itemId"])


# Food under another name (receiving.md, "Carts") [D].
LINE_MEMBERS = {"lineItemId", "itemId", "quantity", "modifierGroups"}
GROUP_MEMBERS = {"modifierGroupId", "selectedModifiers"}
WORDS_FOR_OPTIONS = ("option", "modifier", "selected", "extra", "topping")
NAMES_OF_IDS = ("itemId", "modifierId", "optionId", "modifierGroupId")


def _misplaced(part: Wire, known: set[str], options: set[str], item_id: str, path: str) -> Iterator[Complaint]:
    """Judge the unknown members of a line, or of a group in it."""
    in_group = known is GROUP_MEMBERS
    for name, value in part.items():
        if name in known or not value:
            continue
        if isinstance(value, list):
            holds_food = in_group or _is_worded(name) or _names_one_of(value, options)
        elif isinstance(value, dict):
            holds_food = _is_worded(name) or _names_one_of(value, options)
        else:
            holds_food = value in options and (in_group or _is_worded(name))
        if holds_food:
            yield Complaint("MODIFIER_REQUIRED", f"{path}.{name}", item_id, "options under another name")


def _is_worded(name: str) -> bool:
    return any(word in name.lower() for word in WORDS_FOR_OPTIONS)


def _names_one_of(value: Any, ids: set[str]) -> bool:
    """Return True if a list or object names one of these ids, or has a member that names any item."""
    if isinstance(value, list):
        return any(each in ids if isinstance(each, str) else _names_one_of(each, ids) for each in value)
    if isinstance(value, dict):
        return any(name in NAMES_OF_IDS or name in ids for name in value) or _names_one_of(list(value.values()), ids)
    return False


# -- the catalog -------------------------------------------------------------------------------------------------------


def run_out(situation: Situation) -> set[str]:
    """Return the items that have run out, and those of which a required group has too few options left."""
    result = set(situation.unavailable)
    grows = bool(result)
    while grows:
        before = len(result)
        for item_id, item in situation.catalog["items"].items():
            for group_id in item.get("modifierGroupIds") or []:
                group = situation.catalog["modifierGroups"][group_id]
                left = set(group.get("itemIds") or []) - result
                needed = (
                    min(1, group["minimumAllowed"]) if group.get("enableDuplicateItems") else group["minimumAllowed"]
                )
                if len(left) < needed:
                    result.add(item_id)
        grows = len(result) > before
    return result


def items_of(catalog_set: Wire, part: Wire) -> set[str]:
    """Return the items of a catalog or section, and of the sections in it."""
    result = set(part.get("itemIds") or [])
    for section_id in part.get("sectionIds") or []:
        result |= items_of(catalog_set, catalog_set["sections"][section_id])
    return result


def entries_of(line: Wire) -> list[Wire]:
    return line.get("modifierGroups") or []


def selected_of(entry: Wire) -> list[Wire]:
    return entry.get("selectedModifiers") or []


def pieces(line: Wire) -> int:
    """Return the quantity of a line or modifier. Without one it is a single piece."""
    quantity = line.get("quantity")
    return 1 if quantity is None else int(quantity)


# -- hours -------------------------------------------------------------------------------------------------------------


def is_open(windows: list[Wire] | None, moment: datetime, zone: str) -> bool:
    """Return True if a moment lies in one of the windows, on the clock of the store. End ``00:00:00`` is the end of the day."""
    day, clock = moment.astimezone(ZoneInfo(zone)).strftime("%A %H:%M:%S.%f").split()
    for window in windows or []:
        end = "24:00:00" if window["end"] == "00:00:00" else window["end"]
        if window["dayOfWeek"] == day and window["start"] <= clock < end:
            return True
    return False


# -- prices ------------------------------------------------------------------------------------------------------------


def cart_price(catalog: Wire, cart: Wire) -> Decimal:
    return sum((line_price(catalog, line) for line in cart["lineItems"]), Decimal(0))


def line_price(catalog: Wire, line: Wire) -> Decimal:
    """Return quantity × (item.basePrice + Σ over selected modifiers, recursively)."""
    own_price = money(catalog["items"][line["itemId"]]["basePrice"])
    return pieces(line) * (own_price + modifiers_price(catalog, line))


def modifiers_price(catalog: Wire, line: Wire) -> Decimal:
    """Add up the modifiers of one piece of a line, each single piece on its own."""
    total = Decimal(0)
    counts: dict[str, int] = {}  # selections of each group, over all its entries on this line
    for entry in entries_of(line):
        group = catalog["modifierGroups"][entry["modifierGroupId"]]
        for modifier in selected_of(entry):
            below = modifiers_price(catalog, modifier)
            for _ in range(pieces(modifier)):
                k = counts.get(group["modifierGroupId"], 0)
                counts[group["modifierGroupId"]] = k + 1
                total += selection_price(catalog, group, modifier, k) + below
    return total


def selection_price(catalog: Wire, group: Wire, modifier: Wire, k: int) -> Decimal:
    """Return the price of the tier with the greatest offset ≤ k, or of the option when the group has no tiers."""
    if not group.get("tiers"):
        return money(catalog["items"][modifier["itemId"]]["basePrice"])
    candidates = [tier for tier in group["tiers"] if tier["offset"] <= k]
    return money(max(candidates, key=lambda tier: int(tier["offset"]))["price"])


NOISE = Decimal("0.0001")


def money(number: float) -> Decimal:
    """Read a price of a catalog: whole cents. Less than 0.0001 beside a cent is the noise of binary floating point [D]."""
    exact = Decimal(str(number))
    nearest = round(exact, 2)
    return nearest if abs(exact - nearest) < NOISE else exact
