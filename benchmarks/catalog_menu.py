"""Menus of any size to measure with, and carts from them: made from a seed, so always the same."""

from __future__ import annotations

from random import Random
from typing import Any

__all__ = ["cart", "menu"]

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
_PER_SECTION = 40
_PER_GROUP = 8


def menu(dishes: int, options: int) -> Wire:
    """A menu as JSON data.

    Options stand in groups of eight; every fourth group's options have modifiers of their own, three levels deep at most. Of
    the groups half are required, a quarter have tiers, a quarter let options repeat. A dish has up to four groups. Sections of
    forty dishes stand under four catalogs by the time of day, half of them in sections of sections.
    """
    random = Random(dishes)
    groups = options // _PER_GROUP
    items = {f"o{n}": _option(random, n, groups) for n in range(groups * _PER_GROUP)}
    items |= {f"d{n}": _dish(random, n, groups) for n in range(dishes)}
    sections = {
        f"s{n}": {"sectionId": f"s{n}", "name": _name(random), "itemIds": [f"d{d}" for d in _share(n, dishes)]}
        for n in range(-(-dishes // _PER_SECTION))
    }
    tops: list[str] = []
    for number, key in enumerate(list(sections)):
        if number % 2:
            sections[tops[-1]]["sectionIds"] = [key]
        else:
            tops.append(key)
    return {
        "storeId": "benchmark",
        "catalogs": {f"c{n}": _catalog(n, tops[n::4]) for n in range(4)},
        "sections": sections,
        "items": items,
        "modifierGroups": {f"g{n}": _group(random, n) for n in range(groups)},
    }


def cart(data: Wire, random: Random) -> Wire:
    """A legal order of four lines from the catalog that is always open: every required group served, some of the others."""
    open_now = [data["sections"][key] for key in data["catalogs"]["c0"]["sectionIds"]]
    dishes = [random.choice(section["itemIds"]) for section in random.choices(open_now, k=4)]
    lines = [_line(data, random, dish) for dish in dishes]
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
    group = number // _PER_GROUP
    nested = [f"g{group + 1}"] if group % 4 < 2 and group + 1 < groups and number % 3 == 0 else []
    return {
        "itemId": f"o{number}",
        "name": _name(random),
        "basePrice": random.randint(0, 400) / 100,
        "modifierGroupIds": nested,
    }


def _dish(random: Random, number: int, groups: int) -> Wire:
    price = random.randint(400, 3500) / 100
    return {
        "itemId": f"d{number}",
        "name": _name(random),
        "description": f"{_name(random)} with {_name(random).lower()}, {_name(random).lower()} and bread from our own oven",
        "imageUrl": f"https://images.benchmark.example/menu/{random.getrandbits(64):016x}.jpg",
        "basePrice": price,
        "startingAt": 50 + number % 10,
        "modifierGroupIds": [f"g{n}" for n in random.sample(range(groups), random.randint(0, 4))],
    }


def _group(random: Random, number: int) -> Wire:
    return {
        "modifierGroupId": f"g{number}",
        "name": _name(random),
        "itemIds": [f"o{n}" for n in range(number * _PER_GROUP, (number + 1) * _PER_GROUP)],
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
    return {"catalogId": f"c{number}", "name": f"Menu {number}", "sectionIds": sections, "availability": windows}


def _share(section: int, dishes: int) -> range:
    return range(section * _PER_SECTION, min((section + 1) * _PER_SECTION, dishes))


def _name(random: Random) -> str:
    return " ".join(random.choices(_WORDS, k=3)).capitalize()
