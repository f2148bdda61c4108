"""Catalog of the fake POS: of realistic size, with catalogs by the time of day, nested modifiers and tiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from decimal import Decimal
from functools import cache
from typing import Any

from webhook_kit.catalog.build import simple_catalog
from webhook_kit.catalog.hours import always_open
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DayOfWeek,
    DefaultItem,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    Tier,
)
from webhook_kit.testing.bogus_products import ALL_DAY, BREAKFAST, DINNER, LUNCH, OPTIONS

__all__ = ["bogus_catalog"]

# -- modifier groups ---------------------------------------------------------------------------------------------------

_TWICE: dict[str, Any] = {"enable_duplicate_items": True}
_ONE = 1, 1


def _name(id: str) -> str:
    return id.replace("-", " ").capitalize()


def _group(id: str, bounds: tuple[int, int], items: str, **more: Any) -> ExternalModifierGroup:
    minimum, maximum = bounds
    return ExternalModifierGroup(
        modifier_group_id=id,
        name=_name(id),
        item_ids=items.split(),
        minimum_allowed=minimum,
        maximum_allowed=maximum,
        **more,
    )


def _tiers(*prices: tuple[int, str]) -> list[Tier]:
    return [Tier(offset=offset, price=Decimal(price)) for offset, price in prices]


_GROUPS = [
    _group("size", _ONE, "small large"),
    _group("toppings", (0, 5), "basil olives ham", tiers=_tiers((0, "0.00"), (2, "1.25")), **_TWICE),
    _group("doneness", _ONE, "rare medium well-done", default_items=[DefaultItem(item_id="medium")]),
    _group("side", _ONE, "fries coleslaw"),
    _group("dips", (0, 3), "ketchup mayo", **_TWICE),
    _group("extras", (0, 2), "bacon cheese"),
    _group("pair", (2, 2), "pair-margherita pair-marinara pair-funghi pair-diavola", **_TWICE),
    _group("meal-drink", _ONE, "meal-cola meal-lemonade meal-water"),
    _group("drink-size", _ONE, "regular grande", default_items=[DefaultItem(item_id="regular")]),
    _group("ice", (0, 1), "no-ice light-ice much-ice"),
    _group("kids-main", _ONE, "mini-burger mini-pizza kids-tenders"),
    _group("wing-count", (6, 30), "wing", tiers=_tiers((0, "1.20"), (12, "1.05"), (20, "0.95")), **_TWICE),
    _group("wing-sauce", (1, 2), "buffalo barbecue honey-mustard"),
    _group("protein", (0, 1), "grilled-chicken shrimp tofu"),
    _group("dressing", (0, 1), "vinaigrette ranch blue-cheese", default_items=[DefaultItem(item_id="vinaigrette")]),
    _group("bread", _ONE, "sourdough rye gluten-free"),
    _group("toast", (0, 1), "sourdough rye gluten-free"),
    _group("soup-choice", _ONE, "tomato-cup lentil-cup"),
    _group("scoops", (1, 4), "scoop-vanilla scoop-chocolate scoop-pistachio", **_TWICE),
    _group("topping-sweet", (0, 2), "chocolate-sauce berries whipped-cream"),
    _group("shake-flavour", _ONE, "strawberry banana mango"),
    _group("milk", _ONE, "whole-milk oat-milk almond-milk", default_items=[DefaultItem(item_id="whole-milk")]),
    _group(
        "syrup", (0, 4), "vanilla-syrup caramel-syrup hazelnut-syrup", tiers=_tiers((0, "0.50"), (2, "0.25")), **_TWICE
    ),
    _group("grind", _ONE, "whole-beans ground-fine ground-coarse"),
    _group("egg-style", _ONE, "scrambled poached sunny-side-up"),
    _group("omelette-filling", (1, 3), "mushrooms spinach peppers", tiers=_tiers((0, "0.00"), (1, "0.75"))),
    _group("salsa", (0, 2), "green-salsa red-salsa"),
    _group("spread", (0, 1), "butter cream-cheese"),
    _group("bagel-dozen", (12, 12), "bagel-plain bagel-sesame bagel-onion bagel-poppy bagel-everything", **_TWICE),
    _group("lunch-drink", _ONE, "meal-cola meal-lemonade meal-water"),
    _group("pasta", _ONE, "penne tagliatelle"),
    _group("pasta-sauce", _ONE, "pesto arrabbiata ragu"),
    _group("heat", _ONE, "mild hot"),
    _group("steak-sauce", (0, 2), "pepper-sauce herb-butter"),
    _group("family-sides", (2, 2), "family-fries family-salad family-greens", **_TWICE),
]

# -- hours -------------------------------------------------------------------------------------------------------------

_WEEK = list(DayOfWeek)
_WORKDAYS = _WEEK[1:6]
_WEEKEND = [DayOfWeek.SATURDAY, DayOfWeek.SUNDAY]


def _open(days: Sequence[DayOfWeek], start: int, end: int) -> list[AvailabilityWindow]:
    """Windows of full hours; 24 is the end of the day."""
    return [AvailabilityWindow(day_of_week=day, start=time(start), end=time(end % 24)) for day in days]


@cache
def bogus_catalog() -> ExternalCatalogSet:
    """Return the CatalogSet: "All day" is always open, the other catalogs are for breakfast, lunch and dinner."""
    parts = [
        _part("All day", ALL_DAY, always_open()),
        _part("Breakfast", BREAKFAST, [*_open(_WORKDAYS, 6, 11), *_open(_WEEKEND, 7, 14)]),
        _part("Lunch", LUNCH, _open(_WORKDAYS, 11, 15)),
        # Friday and Saturday nights end at two; the hours after midnight belong to the next day.
        _part("Dinner", DINNER, [*_open(_WEEK, 17, 24), *_open(_WEEKEND, 0, 2)]),
    ]
    catalog_set = ExternalCatalogSet(
        catalogs={key: catalog for part in parts for key, catalog in part.catalogs.items()},
        sections={key: section for part in parts for key, section in part.sections.items()},
        items={key: item for part in parts for key, item in part.items.items()},
        modifier_groups={group.modifier_group_id: group for group in _GROUPS},
    )
    _nest(catalog_set, "All day", "Drinks", "Cold drinks", "Coffee and tea")
    return catalog_set


def _part(name: str, sections: Mapping[str, str], hours: Sequence[AvailabilityWindow]) -> ExternalCatalogSet:
    items = {title: _items(lines) for title, lines in sections.items()}
    return simple_catalog(items, options=_items(OPTIONS), availability=hours, name=name)


def _nest(catalog_set: ExternalCatalogSet, catalog_name: str, parent: str, *children: str) -> None:
    """Move sections of a catalog into another section."""
    ids = {section.name: key for key, section in catalog_set.sections.items()}
    moved = [ids[name] for name in children]
    catalog_set.sections[ids[parent]].section_ids = moved
    for catalog in catalog_set.catalogs.values():
        if catalog.name == catalog_name:
            catalog.section_ids = [key for key in catalog.section_ids if key not in moved]


def _items(lines: str) -> list[ExternalItem]:
    return [_item(line) for line in lines.strip().splitlines()]


def _item(line: str) -> ExternalItem:
    words, _, description = line.partition("|")
    id, price, *rest = words.split()
    prices = dict(word.split("=") for word in rest if "=" in word)
    members: dict[str, Any] = {}
    if description:
        members["description"] = description.strip()
    if "from" in prices:
        members["starting_at"] = Decimal(prices["from"])
    if "was" in prices:
        members["compare_at"] = Decimal(prices["was"])
    groups = [word for word in rest if "=" not in word]
    return ExternalItem(item_id=id, name=_name(id), base_price=Decimal(price), modifier_group_ids=groups, **members)
