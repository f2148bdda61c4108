"""The conversions of docs/building-a-catalog.md: each is short, and gives a catalog without findings of an export of its form."""

from __future__ import annotations

from typing import Any

import pytest

import webhook_kit
from tests.scenario.documented import blocks
from webhook_kit.catalog.check import check
from webhook_kit.gett.models.catalog import ExternalCatalogSet

PAGE = "docs/building-a-catalog.md"
MOST_LINES = 11


def money(cents: int) -> dict[str, Any]:
    return {"amount": cents, "currency": "USD"}


def variation(key: str, name: str, cents: int) -> dict[str, Any]:
    return {"type": "ITEM_VARIATION", "id": key, "item_variation_data": {"name": name, "price_money": money(cents)}}


SQUARE = {
    "objects": [
        {"type": "CATEGORY", "id": "C1", "category_data": {"name": "Pizza"}},
        {
            "type": "MODIFIER_LIST",
            "id": "L1",
            "modifier_list_data": {
                "name": "Toppings",
                "min_selected_modifiers": -1,
                "max_selected_modifiers": -1,
                "modifiers": [
                    {"type": "MODIFIER", "id": "M1", "modifier_data": {"name": "Olives", "price_money": money(150)}},
                    {"type": "MODIFIER", "id": "M2", "modifier_data": {"name": "Ham", "price_money": money(200)}},
                ],
            },
        },
        {
            "type": "ITEM",
            "id": "I1",
            "item_data": {
                "name": "Margherita",
                "description": "<p>Tomato &amp; mozzarella</p>",
                "category_id": "C1",
                "modifier_list_info": [{"modifier_list_id": "L1"}],
                "variations": [variation("V1", "Small", 800), variation("V2", "Large", 1100)],
            },
        },
        {
            "type": "ITEM",
            "id": "I2",
            "item_data": {
                "name": "Garlic bread",
                "description": None,
                "category_id": "C1",
                "variations": [variation("V3", "Regular", 450)],
            },
        },
    ]
}


def title(english: str) -> dict[str, Any]:
    return {"translations": {"de_DE": f"{english} (de)", "en_US": english}}


def uber_item(key: str, name: str, cents: int, *groups: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "title": title(name),
        "price_info": {"price": cents},
        "modifier_group_ids": {"ids": [*groups]},
        **more,
    }


UBER = {
    "menus": [
        {
            "id": "m1",
            "title": title("Dinner"),
            "service_availability": [
                {"day_of_week": "friday", "time_periods": [{"start_time": "17:00", "end_time": "23:59"}]}
            ],
            "category_ids": ["c1"],
        }
    ],
    "categories": [{"id": "c1", "title": title("Pizza"), "entities": [{"id": "i1", "type": "ITEM"}, {"id": "i2"}]}],
    "items": [
        uber_item("i1", "Margherita", 800, "g1"),
        uber_item("i2", "Marinara", 700, suspension_info={"suspension": {"reason": "86"}}),
        uber_item("o1", "Olives", 150),
        uber_item("o2", "Ham", 200),
    ],
    "modifier_groups": [
        {
            "id": "g1",
            "title": title("Toppings"),
            "quantity_info": {"quantity": {"max_permitted": None}},
            "modifier_options": [{"id": "o1"}, {"id": "o2"}],
        }
    ],
}

TOAST = {
    "menus": [
        {
            "guid": "m1",
            "name": "Dinner",
            "schedule": [{"days": ["FRIDAY", "SATURDAY"], "timeRanges": [{"start": "17:00", "end": "02:00"}]}],
            "menuGroups": [
                {
                    "guid": "s1",
                    "name": "Food",
                    "menuItems": [],
                    "menuGroups": [
                        {
                            "guid": "s2",
                            "name": "Pizza",
                            "menuItems": [
                                {"guid": "i1", "name": "Margherita", "price": 8.0, "modifierGroupReferences": [1]}
                            ],
                        }
                    ],
                }
            ],
        }
    ],
    "modifierGroupReferences": {
        "1": {"name": "Toppings", "minSelections": 0, "maxSelections": None, "options": ["7", "8"]}
    },
    "modifierOptionReferences": {
        "7": {"guid": "o1", "name": "Olives", "price": 1.5},
        "8": {"guid": "o2", "name": "No cheese", "price": None},
    },
}

SCHEMA_ORG = {
    "@context": "https://schema.org",
    "@type": "Restaurant",
    "openingHoursSpecification": [
        {"dayOfWeek": ["https://schema.org/Friday", "Saturday"], "opens": "17:00:00", "closes": "02:00:00"},
        {"dayOfWeek": "Sunday", "opens": "00:00", "closes": "23:59"},
    ],
    "hasMenu": {
        "@type": "Menu",
        "name": "Dinner",
        "hasMenuSection": [
            {
                "name": "Food",
                "hasMenuSection": [
                    {
                        "name": "Pizza",
                        "hasMenuItem": [
                            {
                                "@id": "#margherita",
                                "name": "Margherita",
                                "description": "Tomato and mozzarella",
                                "offers": [
                                    {"name": "Small", "price": "8.00", "priceCurrency": "USD", "sku": "1-S"},
                                    {"name": "Large", "price": "11.00", "priceCurrency": "USD", "sku": "1-L"},
                                ],
                            },
                            {"@id": "#bread", "name": "Bread", "offers": [{"price": 2, "sku": "2"}]},
                        ],
                    }
                ],
            }
        ],
    },
}
EXPORTS: dict[int, dict[str, Any]] = {1: SQUARE, 2: UBER, 3: TOAST, 4: SCHEMA_ORG}


def example(number: int) -> str:
    (text,) = (one.text for one in blocks() if (one.page, one.language, one.number) == (PAGE, "python", number))
    return text


def converted(number: int) -> ExternalCatalogSet:
    names: dict[str, Any] = {"CatalogBuilder": webhook_kit.CatalogBuilder, "export": EXPORTS.get(number)}
    exec(compile(example(number), f"{PAGE}#{number}", "exec", dont_inherit=True), names)
    catalog = names["catalog"]
    assert isinstance(catalog, ExternalCatalogSet)
    return catalog


@pytest.mark.parametrize("number", range(5))
def test_example_gives_a_catalog_without_findings(number: int) -> None:
    assert check(converted(number)) == []


@pytest.mark.parametrize("number", EXPORTS)
def test_conversion_is_short(number: int) -> None:
    assert len(example(number).splitlines()) <= MOST_LINES


def test_square_keeps_ids_prices_and_sizes() -> None:
    catalog = converted(1)
    assert set(catalog.items) == {"I1", "I2", "V1", "V2", "M1", "M2"}
    assert str(catalog.items["I1"].starting_at) == "8.00"
    assert catalog.items["I1"].description == "Tomato & mozzarella"
    assert catalog.items["I1"].modifier_group_ids == ["I1:Size", "L1"]
    assert (catalog.modifier_groups["L1"].minimum_allowed, catalog.modifier_groups["L1"].maximum_allowed) == (0, 2)
    assert str(catalog.items["I2"].base_price) == "4.50"


def test_uber_keeps_hours_languages_and_what_is_sold_out() -> None:
    catalog = converted(2)
    assert set(catalog.items) == {"i1", "o1", "o2"}
    assert (catalog.items["i1"].name, str(catalog.items["i1"].base_price)) == ("Margherita", "8.00")
    (window,) = catalog.catalogs["m1"].availability or []
    assert (window.day_of_week, str(window.start), str(window.end)) == ("Friday", "17:00:00", "00:00:00")
    assert catalog.modifier_groups["g1"].maximum_allowed == 2


def test_toast_keeps_nested_groups_and_hours_over_midnight() -> None:
    catalog = converted(3)
    assert (catalog.sections["s1"].section_ids, catalog.sections["s2"].item_ids) == (["s2"], ["i1"])
    assert len(catalog.catalogs["m1"].availability or ()) == 4
    assert catalog.items["i1"].modifier_group_ids == ["1"]
    assert [str(catalog.items[key].base_price) for key in ("o1", "o2")] == ["1.50", "0.00"]


def test_schema_org_keeps_sizes_and_hours() -> None:
    catalog = converted(4)
    assert catalog.modifier_groups["#margherita:Size"].item_ids == ["1-S", "1-L"]
    one = next(iter(catalog.catalogs.values()))
    assert [f"{w.day_of_week} {w.start}-{w.end}" for w in one.availability or ()] == [
        "Friday 17:00:00-00:00:00",
        "Saturday 00:00:00-02:00:00",
        "Saturday 17:00:00-00:00:00",
        "Sunday 00:00:00-00:00:00",
    ]
