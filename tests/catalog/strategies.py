"""Random menus, legal carts from them, and ways to spoil a cart that each break one named rule; all as wire data."""

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

# Zones with summer time, one that moves by half an hour, one without; each with the days on which its clocks change.
CLOCK_CHANGES = [
    ("America/New_York", ["2026-03-08", "2026-11-01"]),
    ("Europe/Berlin", ["2026-03-29", "2026-10-25"]),
    ("Australia/Lord_Howe", ["2026-04-05", "2026-10-04"]),
    ("Asia/Kolkata", ["2026-03-29"]),
]

prices = st.integers(-200, 5000).map(lambda cents: cents / 100)


@st.composite
def catalogs(draw: Draw) -> Wire:
    """A menu that compiles: options nest up to three deep, groups may have tiers, all dishes are always served.

    Items and groups are numbered apart, so an item and a group often share an id.
    """
    items: Wire = {}
    groups: Wire = {}
    below: list[str] = []  # groups of the levels below, which an option may have
    for _ in range(draw(st.integers(1, 3))):
        made = [_item(draw, items, below) for _ in range(draw(st.integers(1, 3)))]
        below = below + [_group(draw, groups, made, list(items)) for _ in range(draw(st.integers(1, 2)))]
    dishes = [_item(draw, items, below, at_least=1) for _ in range(draw(st.integers(1, 3)))]
    inner = draw(st.integers(0, len(dishes)))
    sections = {
        "1": {"sectionId": "1", "name": "Outer", "itemIds": dishes[inner:], "sectionIds": ["2"]},
        "2": {"sectionId": "2", "name": "Inner", "itemIds": dishes[:inner], "sectionIds": []},
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


def _group(draw: Draw, groups: Wire, made: list[str], known: list[str]) -> str:
    key = str(len(groups))
    options = draw(st.lists(st.sampled_from(known), unique=True, max_size=3)) + made[:1]
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
    """A legal order: every choice within its group's bounds, some groups written in two entries."""
    dishes = [key for section in catalog["sections"].values() for key in section["itemIds"]]
    keys = draw(st.lists(st.sampled_from(dishes), min_size=1, max_size=3))
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
    left = draw(st.integers(group["minimumAllowed"], min(most, group["maximumAllowed"], 3)))
    if not group["enableDuplicateItems"]:
        yield from ((option, 1) for option in draw(st.permutations(group["itemIds"]))[:left])
        return
    while left:
        count = draw(st.integers(1, left))
        yield draw(st.sampled_from(group["itemIds"])), count
        left -= count


# -- ways to spoil a cart ----------------------------------------------------------------------------------------------

Found = tuple[str, str, str | None]
"""Code, JSON path and item of a violation."""


@dataclass
class Spoilt:
    """What a mutation made wrong: everything that must be found, and what the check is told besides the order."""

    expected: set[Found]
    known: dict[str, Any] = field(default_factory=dict)


class Spot(NamedTuple):
    """A line, or a selected modifier at any depth."""

    path: str
    line: Wire


def spots(order: Wire) -> list[Spot]:
    found = [Spot(f"$.cart.lineItems[{index}]", line) for index, line in enumerate(order["cart"]["lineItems"])]
    for path, line in found:  # grows while it is walked
        for i, entry in enumerate(line["modifierGroups"]):
            for j, modifier in enumerate(entry["selectedModifiers"]):
                found.append(Spot(f"{path}.modifierGroups[{i}].selectedModifiers[{j}]", modifier))
    return found


class Chosen(NamedTuple):
    """A group of which a spot has chosen something or nothing; entries with their index."""

    spot: Spot
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
        return f"{self.spot.path}.modifierGroups[{index}]"

    def out_of_bounds(self) -> Found:
        return ("MODIFIER_REQUIRED", self.path_of(self.entries[0][0]), self.spot.line["itemId"])


def _chosen(catalog: Wire, order: Wire) -> Iterator[Chosen]:
    for spot in spots(order):
        for key in catalog["items"][spot.line["itemId"]]["modifierGroupIds"]:
            entries = [pair for pair in enumerate(spot.line["modifierGroups"]) if pair[1]["modifierGroupId"] == key]
            yield Chosen(spot, catalog["modifierGroups"][key], entries)


def _pick(draw: Draw, candidates: list[Any]) -> Any:
    return draw(st.sampled_from(candidates)) if candidates else None


def empty_cart(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    order["cart"]["lineItems"] = []
    return Spoilt({("CART_EMPTY", "$.cart.lineItems", None)})


def unknown_item(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    index = draw(st.integers(0, len(order["cart"]["lineItems"]) - 1))
    order["cart"]["lineItems"][index]["itemId"] = "?"
    return Spoilt({("ITEM_UNAVAILABLE", f"$.cart.lineItems[{index}]", "?")})


def option_sold_as_dish(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    lines = order["cart"]["lineItems"]
    lines.append(_line(draw, catalog, "0", 1))  # the first item made is always an option
    return Spoilt({("ITEM_UNAVAILABLE", f"$.cart.lineItems[{len(lines) - 1}]", "0")})


def ran_out(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    gone = _pick(draw, spots(order)).line["itemId"]
    where = {("ITEM_UNAVAILABLE", spot.path, gone) for spot in spots(order) if spot.line["itemId"] == gone}
    return Spoilt(set(where), {"unavailable": frozenset({gone})})


def foreign_group(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    path, line = _pick(draw, spots(order))
    line["modifierGroups"].append({"modifierGroupId": "?", "selectedModifiers": []})
    where = f"{path}.modifierGroups[{len(line['modifierGroups']) - 1}]"
    return Spoilt({("MODIFIER_REQUIRED", where, line["itemId"])})


def foreign_option(draw: Draw, catalog: Wire, order: Wire) -> Spoilt | None:
    spot = _pick(draw, [spot for spot in spots(order) if "selectedModifiers" in spot.path])
    if spot is None:
        return None
    spot.line.update(itemId="?", modifierGroups=[])
    return Spoilt({("MODIFIER_REQUIRED", spot.path, "?")})


def required_group_absent(draw: Draw, catalog: Wire, order: Wire) -> Spoilt | None:
    chosen = _pick(draw, [one for one in _chosen(catalog, order) if one.group["minimumAllowed"] > 0])
    if chosen is None:
        return None
    spot = chosen.spot
    own = chosen.group["modifierGroupId"]
    spot.line["modifierGroups"] = [entry for entry in spot.line["modifierGroups"] if entry["modifierGroupId"] != own]
    return Spoilt({("MODIFIER_REQUIRED", spot.path, spot.line["itemId"])})


def too_few(draw: Draw, catalog: Wire, order: Wire) -> Spoilt | None:
    chosen = _pick(draw, [one for one in _chosen(catalog, order) if one.group["minimumAllowed"] > 0])
    if chosen is None:
        return None
    for _, entry in chosen.entries:
        entry["selectedModifiers"] = []
    return Spoilt({chosen.out_of_bounds()})


def too_many(draw: Draw, catalog: Wire, order: Wire) -> Spoilt | None:
    with_repeats = [one for one in _chosen(catalog, order) if one.group["enableDuplicateItems"] and one.quantity]
    chosen = _pick(draw, with_repeats)
    if chosen is None:
        return None
    _, modifier = _pick(draw, chosen.selected)
    modifier["quantity"] += chosen.group["maximumAllowed"] - chosen.quantity + draw(st.integers(1, 5))
    return Spoilt({chosen.out_of_bounds()})


def repeated(draw: Draw, catalog: Wire, order: Wire) -> Spoilt | None:
    without = [one for one in _chosen(catalog, order) if not one.group["enableDuplicateItems"] and one.quantity]
    chosen = _pick(draw, without)
    if chosen is None:
        return None
    path, modifier = _pick(draw, chosen.selected)
    expected = set()
    if chosen.quantity == chosen.group["maximumAllowed"]:
        expected.add(chosen.out_of_bounds())
    if draw(st.booleans()):
        modifier["quantity"] = 2
    else:
        entries = chosen.spot.line["modifierGroups"]
        again = _line(draw, catalog, modifier["itemId"], 1)
        entries.append({"modifierGroupId": chosen.group["modifierGroupId"], "selectedModifiers": [again]})
        path = f"{chosen.path_of(len(entries) - 1)}.selectedModifiers[0]"
    return Spoilt({*expected, ("MODIFIER_REQUIRED", path, modifier["itemId"])})


def store_closed(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    catalog["catalogs"]["1"]["availability"] = draw(st.sampled_from([None, []]))
    return Spoilt({("STORE_CLOSED", "$.cart.storeId", None)})


def out_of_hours(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    catalog["catalogs"]["1"]["availability"] = None
    catalog["catalogs"]["3"] = {"catalogId": "3", "name": "Bar", "sectionIds": [], "availability": ALWAYS}
    lines = enumerate(order["cart"]["lineItems"])
    return Spoilt({("ITEM_UNAVAILABLE", f"$.cart.lineItems[{i}]", line["itemId"]) for i, line in lines})


def type_not_offered(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    order["fulfillmentType"] = "Drone"
    return Spoilt({("OTHER", "$.fulfillmentType", None)}, {"fulfillment_types": frozenset({"Pickup"})})


def no_address(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    order["fulfillmentType"] = "DeliveryByMerchant"
    order["deliveryInfo"] = draw(st.sampled_from([None, {}, {"address": None}]))
    path = "$.deliveryInfo" if order["deliveryInfo"] is None else "$.deliveryInfo.address"
    return Spoilt({("ADDRESS_INVALID", path, None)})


def address_incomplete(draw: Draw, catalog: Wire, order: Wire) -> Spoilt:
    gone = draw(st.sets(st.sampled_from(list(ADDRESS)), min_size=1))
    blank = draw(st.sampled_from([None, "", " \t"]))
    order["fulfillmentType"] = "DeliveryByMerchant"
    order["deliveryInfo"] = {"address": {**ADDRESS, **dict.fromkeys(gone, blank)}}
    return Spoilt({("ADDRESS_INVALID", f"$.deliveryInfo.address.{member}", None) for member in gone})


Mutation = Callable[[Draw, Wire, Wire], Spoilt | None]
MUTATIONS: list[Mutation] = [
    empty_cart,
    unknown_item,
    option_sold_as_dish,
    ran_out,
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
    """A zone, and a moment within a day and a half of a change of its clocks; half of them on the very minute."""
    zone, days = draw(st.sampled_from(CLOCK_CHANGES))
    noon = datetime.fromisoformat(draw(st.sampled_from(days))).replace(hour=12, tzinfo=UTC)
    minutes = draw(st.integers(-36 * 60, 36 * 60))
    return zone, noon + timedelta(minutes=minutes, microseconds=draw(st.sampled_from([0, 0, 1, 59_999_999])))
