"""Random catalogs, legal carts from them, and mutations of a cart that each break one rule; all as wire data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

Wire = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
ALWAYS = [{"dayOfWeek": day, "start": "00:00:00", "end": "00:00:00"} for day in DAYS]
ADDRESS = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}

# Zones with daylight saving time (one by half an hour) and one without; each with the days of its clock changes.
CLOCK_CHANGES = [
    ("America/New_York", ["2026-03-08", "2026-11-01"]),
    ("Europe/Berlin", ["2026-03-29", "2026-10-25"]),
    ("Australia/Lord_Howe", ["2026-04-05", "2026-10-04"]),
    ("Asia/Kolkata", ["2026-03-29"]),
]

prices = st.integers(-200, 5000).map(lambda cents: cents / 100)


@st.composite
def catalogs(draw: Draw) -> Wire:
    """Draw a catalog that compiles: up to three levels of options, groups with or without tiers, every item sold at all times.

    Items and groups are numbered separately, so an item and a group often have the same id.
    """
    items: Wire = {}
    groups: Wire = {}
    lower_groups: list[str] = []  # groups of the lower levels, which an option may have
    for _ in range(draw(st.integers(1, 3))):
        options = [_item(draw, items, lower_groups) for _ in range(draw(st.integers(1, 3)))]
        lower_groups = lower_groups + [
            _group(draw, groups, options, list(items)) for _ in range(draw(st.integers(1, 2)))
        ]
    sold = [_item(draw, items, lower_groups, at_least=1) for _ in range(draw(st.integers(1, 3)))]
    inner = draw(st.integers(0, len(sold)))
    sections = {
        "1": {"sectionId": "1", "name": "Outer", "itemIds": sold[inner:], "sectionIds": ["2"]},
        "2": {"sectionId": "2", "name": "Inner", "itemIds": sold[:inner], "sectionIds": []},
    }
    all_day = {"catalogId": "1", "name": "All day", "sectionIds": ["1"], "availability": ALWAYS}
    never = {"catalogId": "2", "name": "Never", "sectionIds": ["2"], "availability": None}
    catalogs = {"1": all_day, "2": never}
    return {"catalogs": catalogs, "sections": sections, "items": items, "modifierGroups": groups}


def _item(draw: Draw, items: Wire, groups: list[str], *, at_least: int = 0) -> str:
    key = str(len(items))
    own = draw(st.lists(st.sampled_from(groups), unique=True, min_size=at_least, max_size=2)) if groups else []
    display = {"startingAt": draw(prices), "compareAt": draw(prices)} if draw(st.booleans()) else {}
    items[key] = {"itemId": key, "name": f"Item {key}", "basePrice": draw(prices), "modifierGroupIds": own, **display}
    return key


def _group(draw: Draw, groups: Wire, level: list[str], items: list[str]) -> str:
    key = str(len(groups))
    options = draw(st.lists(st.sampled_from(items), unique=True, max_size=3)) + level[:1]
    options = list(dict.fromkeys(options))
    repeats = draw(st.booleans())
    minimum = draw(st.integers(0, 2 if repeats else min(2, len(options))))
    groups[key] = {
        "modifierGroupId": key,
        "name": f"Group {key}",
        "itemIds": options,
        "minimumAllowed": minimum,
        "maximumAllowed": draw(st.integers(max(minimum, 1), 4)),
        "enableDuplicateItems": repeats,
    }
    if draw(st.booleans()):
        offsets = draw(st.permutations([0, *draw(st.lists(st.integers(1, 4), unique=True, max_size=2))]))
        groups[key]["tiers"] = [{"offset": offset, "price": draw(prices)} for offset in offsets]
    return key


@st.composite
def orders(draw: Draw, catalog: Wire) -> Wire:
    """Draw a legal order: every choice is within its group's bounds, and some groups are written as two entries."""
    sold = [key for section in catalog["sections"].values() for key in section["itemIds"]]
    keys = draw(st.lists(st.sampled_from(sold), min_size=1, max_size=3))
    lines = [_line(draw, catalog, key, draw(st.integers(1, 3))) for key in keys]
    return {"cart": {"storeId": "store", "lineItems": lines}, "fulfillmentType": "Pickup"}


def _line(draw: Draw, catalog: Wire, item_id: str, quantity: int) -> Wire:
    first: list[Wire] = []
    second: list[Wire] = []
    for key in catalog["items"][item_id]["modifierGroupIds"]:
        chosen = [
            _line(draw, catalog, option, count) for option, count in _choice(draw, catalog["modifierGroups"][key])
        ]
        if not chosen and draw(st.booleans()):
            continue
        cut = draw(st.integers(0, len(chosen)))
        first.append({"modifierGroupId": key, "selectedModifiers": chosen[:cut]})
        second.append({"modifierGroupId": key, "selectedModifiers": chosen[cut:]})
    return {"itemId": item_id, "quantity": quantity, "modifierGroups": [*first, *second]}


def _choice(draw: Draw, group: Wire) -> Iterator[tuple[str, int]]:
    most = group["maximumAllowed"] if group["enableDuplicateItems"] else len(group["itemIds"])
    remaining = draw(st.integers(group["minimumAllowed"], min(most, group["maximumAllowed"], 3)))
    if not group["enableDuplicateItems"]:
        yield from ((option, 1) for option in draw(st.permutations(group["itemIds"]))[:remaining])
        return
    while remaining:
        count = draw(st.integers(1, remaining))
        yield draw(st.sampled_from(group["itemIds"])), count
        remaining -= count


# -- mutations of a cart -----------------------------------------------------------------------------------------------

Violation = tuple[str, str, str | None]
"""Code, JSON path and item of a violation."""


@dataclass
class Mutated:
    """Result of a mutation: the expected violations, and further arguments of the check."""

    expected: set[Violation]
    options: dict[str, Any] = field(default_factory=dict)


class Place(NamedTuple):
    """A line, or a selected modifier at any depth."""

    path: str
    line: Wire


def places(order: Wire) -> list[Place]:
    result = [Place(f"$.cart.lineItems[{index}]", line) for index, line in enumerate(order["cart"]["lineItems"])]
    for path, line in result:  # the list grows during the iteration
        for i, entry in enumerate(line["modifierGroups"]):
            for j, modifier in enumerate(entry["selectedModifiers"]):
                result.append(Place(f"{path}.modifierGroups[{i}].selectedModifiers[{j}]", modifier))
    return result


class Chosen(NamedTuple):
    """A group of the item at a place, with the entries for it (and their index) in the cart; there may be none."""

    place: Place
    group: Wire
    entries: list[tuple[int, Wire]]

    @property
    def selected(self) -> list[tuple[str, Wire]]:
        return [
            (f"{self.path_of(index)}.selectedModifiers[{j}]", modifier)
            for index, entry in self.entries
            for j, modifier in enumerate(entry["selectedModifiers"])
        ]

    @property
    def quantity(self) -> int:
        return sum(modifier["quantity"] for _, modifier in self.selected)

    def path_of(self, index: int) -> str:
        return f"{self.place.path}.modifierGroups[{index}]"

    def out_of_bounds(self) -> Violation:
        return ("MODIFIER_REQUIRED", self.path_of(self.entries[0][0]), self.place.line["itemId"])


def _chosen(catalog: Wire, order: Wire) -> Iterator[Chosen]:
    for place in places(order):
        for key in catalog["items"][place.line["itemId"]]["modifierGroupIds"]:
            entries = [pair for pair in enumerate(place.line["modifierGroups"]) if pair[1]["modifierGroupId"] == key]
            yield Chosen(place, catalog["modifierGroups"][key], entries)


def _pick(draw: Draw, candidates: list[Any]) -> Any:
    return draw(st.sampled_from(candidates)) if candidates else None


def empty_cart(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    order["cart"]["lineItems"] = []
    return Mutated({("CART_EMPTY", "$.cart.lineItems", None)})


def unknown_item(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    index = draw(st.integers(0, len(order["cart"]["lineItems"]) - 1))
    order["cart"]["lineItems"][index]["itemId"] = "?"
    return Mutated({("ITEM_UNAVAILABLE", f"$.cart.lineItems[{index}]", "?")})


def option_sold_on_its_own(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    lines = order["cart"]["lineItems"]
    lines.append(_line(draw, catalog, "0", 1))  # the first item is always an option
    return Mutated({("ITEM_UNAVAILABLE", f"$.cart.lineItems[{len(lines) - 1}]", "0")})


def unavailable_item(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    item_id = _pick(draw, places(order)).line["itemId"]
    expected = {("ITEM_UNAVAILABLE", one.path, item_id) for one in places(order) if one.line["itemId"] == item_id}
    return Mutated(set(expected), {"unavailable": frozenset({item_id})})


def foreign_group(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    path, line = _pick(draw, places(order))
    line["modifierGroups"].append({"modifierGroupId": "?", "selectedModifiers": []})
    group_path = f"{path}.modifierGroups[{len(line['modifierGroups']) - 1}]"
    return Mutated({("MODIFIER_REQUIRED", group_path, line["itemId"])})


def foreign_option(draw: Draw, catalog: Wire, order: Wire) -> Mutated | None:
    place = _pick(draw, [one for one in places(order) if "selectedModifiers" in one.path])
    if place is None:
        return None
    place.line.update(itemId="?", modifierGroups=[])
    return Mutated({("MODIFIER_REQUIRED", place.path, "?")})


def required_group_absent(draw: Draw, catalog: Wire, order: Wire) -> Mutated | None:
    chosen = _pick(draw, [one for one in _chosen(catalog, order) if one.group["minimumAllowed"] > 0])
    if chosen is None:
        return None
    place = chosen.place
    group_id = chosen.group["modifierGroupId"]
    entries = place.line["modifierGroups"]
    place.line["modifierGroups"] = [entry for entry in entries if entry["modifierGroupId"] != group_id]
    return Mutated({("MODIFIER_REQUIRED", place.path, place.line["itemId"])})


def too_few(draw: Draw, catalog: Wire, order: Wire) -> Mutated | None:
    chosen = _pick(draw, [one for one in _chosen(catalog, order) if one.group["minimumAllowed"] > 0])
    if chosen is None:
        return None
    for _, entry in chosen.entries:
        entry["selectedModifiers"] = []
    return Mutated({chosen.out_of_bounds()})


def too_many(draw: Draw, catalog: Wire, order: Wire) -> Mutated | None:
    with_repeats = [one for one in _chosen(catalog, order) if one.group["enableDuplicateItems"] and one.quantity]
    chosen = _pick(draw, with_repeats)
    if chosen is None:
        return None
    _, modifier = _pick(draw, chosen.selected)
    modifier["quantity"] += chosen.group["maximumAllowed"] - chosen.quantity + draw(st.integers(1, 5))
    return Mutated({chosen.out_of_bounds()})


def repeated(draw: Draw, catalog: Wire, order: Wire) -> Mutated | None:
    without_repeats = [one for one in _chosen(catalog, order) if not one.group["enableDuplicateItems"] and one.quantity]
    chosen = _pick(draw, without_repeats)
    if chosen is None:
        return None
    path, modifier = _pick(draw, chosen.selected)
    expected = set()
    if chosen.quantity == chosen.group["maximumAllowed"]:
        expected.add(chosen.out_of_bounds())
    if draw(st.booleans()):
        modifier["quantity"] = 2
    else:
        entries = chosen.place.line["modifierGroups"]
        again = _line(draw, catalog, modifier["itemId"], 1)
        entries.append({"modifierGroupId": chosen.group["modifierGroupId"], "selectedModifiers": [again]})
        path = f"{chosen.path_of(len(entries) - 1)}.selectedModifiers[0]"
    return Mutated({*expected, ("MODIFIER_REQUIRED", path, modifier["itemId"])})


def store_closed(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    catalog["catalogs"]["1"]["availability"] = draw(st.sampled_from([None, []]))
    return Mutated({("STORE_CLOSED", "$.cart.storeId", None)})


def out_of_hours(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    catalog["catalogs"]["1"]["availability"] = None
    catalog["catalogs"]["3"] = {"catalogId": "3", "name": "Bar", "sectionIds": [], "availability": ALWAYS}
    lines = enumerate(order["cart"]["lineItems"])
    return Mutated({("ITEM_UNAVAILABLE", f"$.cart.lineItems[{i}]", line["itemId"]) for i, line in lines})


def type_not_offered(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    order["fulfillmentType"] = "Drone"
    return Mutated({("OTHER", "$.fulfillmentType", None)}, {"fulfillment_types": frozenset({"Pickup"})})


def no_address(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    order["fulfillmentType"] = "DeliveryByMerchant"
    order["deliveryInfo"] = draw(st.sampled_from([None, {}, {"address": None}]))
    path = "$.deliveryInfo" if order["deliveryInfo"] is None else "$.deliveryInfo.address"
    return Mutated({("ADDRESS_INVALID", path, None)})


def address_incomplete(draw: Draw, catalog: Wire, order: Wire) -> Mutated:
    missing = draw(st.sets(st.sampled_from(list(ADDRESS)), min_size=1))
    blank = draw(st.sampled_from([None, "", " \t"]))
    order["fulfillmentType"] = "DeliveryByMerchant"
    order["deliveryInfo"] = {"address": {**ADDRESS, **dict.fromkeys(missing, blank)}}
    return Mutated({("ADDRESS_INVALID", f"$.deliveryInfo.address.{member}", None) for member in missing})


Mutation = Callable[[Draw, Wire, Wire], Mutated | None]
MUTATIONS: list[Mutation] = [
    empty_cart,
    unknown_item,
    option_sold_on_its_own,
    unavailable_item,
    foreign_group,
    foreign_option,
    required_group_absent,
    too_few,
    too_many,
    repeated,
    store_closed,
    out_of_hours,
    type_not_offered,
    no_address,
    address_incomplete,
]


# -- hours -------------------------------------------------------------------------------------------------------------

clocks = st.sampled_from(
    ["00:00:00", "01:30:00", "01:59:59", "02:00:00", "02:15:00", "02:30:00", "03:00:00", "12:00:00"]
)
windows = st.lists(
    st.fixed_dictionaries(
        {"dayOfWeek": st.sampled_from(["Saturday", "Sunday", "Monday"]), "start": clocks, "end": clocks}
    ),
    max_size=4,
)


@st.composite
def moments(draw: Draw) -> tuple[str, datetime]:
    """Draw a zone and a time within a day and a half of one of its clock changes; half of them are on a full minute."""
    zone, days = draw(st.sampled_from(CLOCK_CHANGES))
    noon = datetime.fromisoformat(draw(st.sampled_from(days))).replace(hour=12, tzinfo=UTC)
    minutes = draw(st.integers(-36 * 60, 36 * 60))
    return zone, noon + timedelta(minutes=minutes, microseconds=draw(st.sampled_from([0, 0, 1, 59_999_999])))
