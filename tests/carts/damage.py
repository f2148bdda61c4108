"""Ways to damage an order, or the situation in which it is judged. What is wrong afterwards is for the oracle to say."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

from tests.carts.drawn_orders import ADDRESS
from tests.carts.oracle import Situation, entries_of, pieces, selected_of

Wire = dict[str, Any]
Damage = Callable[[Random, Situation, Wire], Situation | None]
"""Changes an order in place, or returns another situation. It does nothing when the order has no place for it."""


def all_lines(order: Wire) -> list[Wire]:
    """Return every line and modifier, each before those below it."""
    result = list(order["cart"]["lineItems"])
    for line in result:  # grows during the iteration
        result += [modifier for entry in entries_of(line) for modifier in selected_of(entry)]
    return result


def _entries(order: Wire) -> list[tuple[Wire, Wire]]:
    """Return each entry for a group, with the line or modifier that it belongs to."""
    return [(line, entry) for line in all_lines(order) for entry in entries_of(line)]


def _selections(order: Wire) -> list[tuple[Wire, Wire, Wire]]:
    return [(line, entry, one) for line, entry in _entries(order) for one in selected_of(entry)]


def _near(rng: Random, known: Iterator[str] | list[str]) -> str:
    """Return an unknown id, often one that looks like a known one."""
    own = rng.choice(list(known))
    decomposed = unicodedata.normalize("NFD", own)  # looks the same, and is another text
    return rng.choice(["?", own + " ", own.upper() + "A", own + own, "0" + own, decomposed])


# -- items -------------------------------------------------------------------------------------------------------------


def empty_cart(rng: Random, situation: Situation, order: Wire) -> None:
    order["cart"]["lineItems"] = []


def unknown_item(rng: Random, situation: Situation, order: Wire) -> None:
    rng.choice(order["cart"]["lineItems"])["itemId"] = _near(rng, list(situation.catalog["items"]))


def any_item_as_line(rng: Random, situation: Situation, order: Wire) -> None:
    """Order any item of the catalog, one that is only an option too, without choosing anything."""
    order["cart"]["lineItems"].append({"itemId": rng.choice(list(situation.catalog["items"])), "quantity": 1})


def item_runs_out(rng: Random, situation: Situation, order: Wire) -> Situation:
    gone = (
        rng.choice(all_lines(order))["itemId"] if rng.random() < 0.7 else rng.choice(list(situation.catalog["items"]))
    )
    return replace(situation, unavailable={*situation.unavailable, gone})


def group_runs_out(rng: Random, situation: Situation, order: Wire) -> Situation:
    """Let all or most options of a required group run out, so that what requires it cannot be had either."""
    groups = situation.catalog["modifierGroups"].values()
    group = rng.choice([one for one in groups if one["minimumAllowed"]] or list(groups))
    left = rng.choice([0, 0, 1, group["minimumAllowed"], max(0, group["minimumAllowed"] - 1)])
    gone = list(dict.fromkeys(group["itemIds"]))[left:]
    return replace(situation, unavailable={*situation.unavailable, *gone})


# -- modifiers ---------------------------------------------------------------------------------------------------------


def foreign_group(rng: Random, situation: Situation, order: Wire) -> None:
    line = rng.choice(all_lines(order))
    known = list(situation.catalog["modifierGroups"])
    group_id = rng.choice(known) if rng.random() < 0.6 else _near(rng, known)
    group = situation.catalog["modifierGroups"].get(group_id)
    chosen = [{"itemId": group["itemIds"][0], "quantity": 1}] if group and rng.random() < 0.6 else []
    line["modifierGroups"] = [*entries_of(line), {"modifierGroupId": group_id, "selectedModifiers": chosen}]


def foreign_option(rng: Random, situation: Situation, order: Wire) -> None:
    known = list(situation.catalog["items"])
    for _, _, modifier in _some(rng, _selections(order)):
        modifier["itemId"] = rng.choice(known) if rng.random() < 0.6 else _near(rng, known)


def group_absent(rng: Random, situation: Situation, order: Wire) -> None:
    for line, entry in _some(rng, _entries(order)):
        line["modifierGroups"] = [one for one in entries_of(line) if one["modifierGroupId"] != entry["modifierGroupId"]]


def option_absent(rng: Random, situation: Situation, order: Wire) -> None:
    for _, entry, modifier in _some(rng, _selections(order)):
        entry["selectedModifiers"].remove(modifier)


def option_repeated(rng: Random, situation: Situation, order: Wire) -> None:
    for line, entry, modifier in _some(rng, _selections(order)):
        again = deepcopy(modifier)
        if rng.random() < 0.5:
            entry["selectedModifiers"].insert(rng.randint(0, len(entry["selectedModifiers"])), again)
        else:
            line["modifierGroups"].append({"modifierGroupId": entry["modifierGroupId"], "selectedModifiers": [again]})


def other_quantity(rng: Random, situation: Situation, order: Wire) -> None:
    for _, entry, modifier in _some(rng, _selections(order)):
        group = situation.catalog["modifierGroups"].get(entry["modifierGroupId"], {"maximumAllowed": 1})
        more = [2, pieces(modifier) + 1, pieces(modifier) + 1, group["maximumAllowed"] + 1, 9_999]
        modifier["quantity"] = rng.choice([1, max(1, pieces(modifier) - 1), *more])


def one_option_more(rng: Random, situation: Situation, order: Wire) -> None:
    for _, entry in _some(rng, _entries(order)):
        group = situation.catalog["modifierGroups"].get(entry["modifierGroupId"])
        option = rng.choice(group["itemIds"]) if group else "?"
        entry["selectedModifiers"] = [*selected_of(entry), {"itemId": option, "quantity": 1}]


def options_exchanged(rng: Random, situation: Situation, order: Wire) -> None:
    one, other = rng.choice(all_lines(order)), rng.choice(all_lines(order))
    mine, theirs = deepcopy(entries_of(one)), deepcopy(entries_of(other))
    one["modifierGroups"], other["modifierGroups"] = theirs, mine


def other_group_named(rng: Random, situation: Situation, order: Wire) -> None:
    for _, entry in _some(rng, _entries(order)):
        entry["modifierGroupId"] = rng.choice(list(situation.catalog["modifierGroups"]))


def nested_choices_absent(rng: Random, situation: Situation, order: Wire) -> None:
    for _, _, modifier in _some(rng, [each for each in _selections(order) if entries_of(each[2])]):
        modifier["modifierGroups"] = []


def nested_deeper(rng: Random, situation: Situation, order: Wire) -> None:
    """Put lines of the order into each other until one is about as deep as the kit allows."""
    line = rng.choice(order["cart"]["lineItems"])
    group_id = rng.choice(list(situation.catalog["modifierGroups"]))
    for _ in range(rng.randint(4, 8)):
        above = {name: value for name, value in line.items() if name != "modifierGroups"}
        line["modifierGroups"] = [{"modifierGroupId": group_id, "selectedModifiers": [{**line}]}]
        line.update(above)


def food_under_another_name(rng: Random, situation: Situation, order: Wire) -> None:
    item_id = rng.choice(list(situation.catalog["items"]))
    value = rng.choice([[{"itemId": item_id}], [item_id], {"1": {"itemId": item_id}}, item_id, {item_id: 2}])
    name = rng.choice(["options", "modifiers", "selected", "extras", "toppings", "wish", "parts"])
    place = rng.choice([order["cart"], *all_lines(order), *[entry for _, entry in _entries(order)]])
    place.setdefault(name, value)


def _some(rng: Random, places: list[Any]) -> list[Any]:
    """Return one place of many, or none if there is none. Deep ones are as likely as others."""
    return [rng.choice(places)] if places else []


# -- the order ---------------------------------------------------------------------------------------------------------


def type_not_offered(rng: Random, situation: Situation, order: Wire) -> Situation:
    offered = rng.choice([frozenset(), frozenset({"Pickup"}), frozenset({"DeliveryByMerchant", "Curbside"})])
    return replace(situation, fulfillment_types=offered)


def delivery_without_info(rng: Random, situation: Situation, order: Wire) -> None:
    order["fulfillmentType"] = "DeliveryByMerchant"
    order["deliveryInfo"] = rng.choice([None, {}, {"address": None}, {"type": "door", "address": {}}])


def address_incomplete(rng: Random, situation: Situation, order: Wire) -> None:
    order["fulfillmentType"] = "DeliveryByMerchant"
    missing = rng.sample(list(ADDRESS), rng.randint(1, 4))
    order["deliveryInfo"] = {"address": {**ADDRESS, **dict.fromkeys(missing, rng.choice([None, "", " \t", "\u2003"]))}}


def catalog_of_another_store(rng: Random, situation: Situation, order: Wire) -> Situation:
    order["cart"]["catalogSetId"] = "22222222-2222-4222-8222-222222222222"
    return replace(situation, versions_of_others={rng.choice(["22222222-2222-4222-8222-222222222222", "?"])})


def tip_described_otherwise(rng: Random, situation: Situation, order: Wire) -> None:
    tip = rng.choice([None, 0, 5, 5.01])
    order["amounts"] = {"tip": tip, "tipDescription": rng.choice([[], [{"name": "Staff", "value": 5}]])}


def prices_beyond_sense(rng: Random, situation: Situation, order: Wire) -> Situation:
    """Change prices of the catalog so that the order costs less than nothing, or more than an amount can hold."""
    catalog = deepcopy(situation.catalog)
    for line in order["cart"]["lineItems"]:
        line["quantity"] = 9_999
    option_price = rng.choice([-2_000_000.01, 2_000_000.01, 999_999.99])
    for group in catalog["modifierGroups"].values():
        for option in group["itemIds"]:
            catalog["items"][option]["basePrice"] = option_price
        group["tiers"] = None
    sold = {item_id for section in catalog["sections"].values() for item_id in section["itemIds"]}
    for item_id in sold:
        catalog["items"][item_id]["basePrice"] = rng.choice([0, 1_000_000, 999_999.99, 1_000_100.02])
    return replace(situation, catalog=catalog)


def malformed(rng: Random, situation: Situation, order: Wire) -> None:
    places: list[tuple[Wire, str, list[Any]]] = [
        (order, "fulfillmentType", [None, "", 7]),
        (order["cart"], "storeId", [None, "", 7]),
        (order["cart"], "lineItems", [None, {}]),
        (order, "amounts", [{"tip": tip} for tip in (-0.01, 1.005, "1", True, 10**10)]),
        *[(line, "itemId", [None, "", 7, "x" * 256]) for line in all_lines(order)],
        *[(line, "quantity", [0, -1, 1.5, "2", True, 10_000, 10**20]) for line in all_lines(order)],
        *[(entry, "modifierGroupId", [None, "", 7]) for _, entry in _entries(order)],
    ]
    place, name, values = rng.choice(places)
    place[name] = rng.choice(values)


DAMAGES: list[Damage] = [
    *[empty_cart, unknown_item, any_item_as_line, item_runs_out, group_runs_out],
    *[foreign_group, foreign_option, group_absent, option_absent, option_repeated, other_quantity, one_option_more],
    *[options_exchanged, other_group_named, nested_choices_absent, nested_deeper, food_under_another_name],
    *[type_not_offered, delivery_without_info, address_incomplete],
    *[catalog_of_another_store, tip_described_otherwise],
]
