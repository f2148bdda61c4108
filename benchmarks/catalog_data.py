"""Random catalogs of any size, and carts from them; a fixed seed makes them the same in every run."""

from __future__ import annotations

from random import Random
from typing import Any

__all__ = ["cart", "catalog_data"]

Wire = dict[str, Any]

_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_WORDS = [
    "grilled",
    "fresh",
    "house",
    "smoked",
    "crispy",
    "garden",
    "spicy",
    "slow",
    "roasted",
    "lemon",
    "garlic",
    "herb",
    "butter",
    "pepper",
    "maple",
]
_ITEMS_PER_SECTION = 40
_OPTIONS_PER_GROUP = 8


def catalog_data(sold: int, options: int) -> Wire:
    """Return a CatalogSet as JSON data.

    Each group has eight options; options of every fourth group have modifiers, at most three levels deep. Half of the groups
    are required, a twelfth have tiers, a quarter let options repeat. An item has up to four groups. Sections of forty items
    belong to four catalogs by the time of day; half of the sections are inside other sections.

    :param sold: number of items in sections.
    :param options: number of options.
    """
    random = Random(sold)
    groups = options // _OPTIONS_PER_GROUP
    items = {f"o{n}": _option(random, n, groups) for n in range(groups * _OPTIONS_PER_GROUP)}
    items |= {f"i{n}": _item(random, n, groups) for n in range(sold)}
    sections = {
        f"s{n}": {"sectionId": f"s{n}", "name": _name(random), "itemIds": [f"i{i}" for i in _items_of(n, sold)]}
        for n in range(-(-sold // _ITEMS_PER_SECTION))
    }
    top_level: list[str] = []
    for number, key in enumerate(list(sections)):
        if number % 2:
            sections[top_level[-1]]["sectionIds"] = [key]
        else:
            top_level.append(key)
    return {
        "storeId": "benchmark",
        "catalogs": {f"c{n}": _catalog(n, top_level[n::4]) for n in range(4)},
        "sections": sections,
        "items": items,
        "modifierGroups": {f"g{n}": _group(random, n) for n in range(groups)},
    }


def cart(data: Wire, random: Random) -> Wire:
    """Return a legal order of four lines from the catalog that is always open, with every required group and some others."""
    open_now = [data["sections"][key] for key in data["catalogs"]["c0"]["sectionIds"]]
    item_ids = [random.choice(section["itemIds"]) for section in random.choices(open_now, k=4)]
    lines = [_line(data, random, item_id) for item_id in item_ids]
    return {"cart": {"storeId": "s", "lineItems": lines}, "fulfillmentType": "Pickup"}


def _line(data: Wire, random: Random, item_id: str) -> Wire:
    entries = []
    for key in data["items"][item_id].get("modifierGroupIds", ()):
        group = data["modifierGroups"][key]
        count = max(group["minimumAllowed"], random.randint(0, 2))
        chosen = random.sample(group["itemIds"], min(count, group["maximumAllowed"]))
        if chosen:
            selected = [_line(data, random, option) for option in chosen]
            entries.append({"modifierGroupId": key, "selectedModifiers": selected})
    return {"itemId": item_id, "quantity": 1, "modifierGroups": entries}


def _option(random: Random, number: int, groups: int) -> Wire:
    group = number // _OPTIONS_PER_GROUP
    nested = [f"g{group + 1}"] if group % 4 < 2 and group + 1 < groups and number % 3 == 0 else []
    return {
        "itemId": f"o{number}",
        "name": _name(random),
        "basePrice": random.randint(0, 400) / 100,
        "modifierGroupIds": nested,
    }


def _item(random: Random, number: int, groups: int) -> Wire:
    price = random.randint(400, 3500) / 100
    return {
        "itemId": f"i{number}",
        "name": _name(random),
        "description": f"{_name(random)} with {_name(random).lower()}, {_name(random).lower()} and bread from our own oven",
        "imageUrl": f"https://images.benchmark.example/catalog/{random.getrandbits(64):016x}.jpg",
        "basePrice": price,
        "startingAt": 50 + number % 10,
        "modifierGroupIds": [f"g{n}" for n in random.sample(range(groups), random.randint(0, 4))],
    }


def _group(random: Random, number: int) -> Wire:
    return {
        "modifierGroupId": f"g{number}",
        "name": _name(random),
        "itemIds": [f"o{n}" for n in range(number * _OPTIONS_PER_GROUP, (number + 1) * _OPTIONS_PER_GROUP)],
        "minimumAllowed": number % 2,
        "maximumAllowed": 1 + number % 3,
        "enableDuplicateItems": number % 4 == 1,
        **(
            {"tiers": [{"offset": 0, "price": 0.5}, {"offset": 1 + number % 2, "price": 0.25}]}
            if number % 12 == 5
            else {}
        ),
    }


def _catalog(number: int, sections: list[str]) -> Wire:
    start, end = [
        ("00:00:00", "00:00:00"),
        ("06:00:00", "11:00:00"),
        ("11:00:00", "15:00:00"),
        ("17:00:00", "00:00:00"),
    ][number]
    windows = [{"dayOfWeek": day, "start": start, "end": end} for day in _DAYS]
    return {"catalogId": f"c{number}", "name": f"Catalog {number}", "sectionIds": sections, "availability": windows}


def _items_of(section: int, sold: int) -> range:
    return range(section * _ITEMS_PER_SECTION, min((section + 1) * _ITEMS_PER_SECTION, sold))


def _name(random: Random) -> str:
    return " ".join(random.choices(_WORDS, k=3)).capitalize()
