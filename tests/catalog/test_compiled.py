"""Compiling: what is refused, with every problem at its path, and what a compiled menu holds."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from tests.catalog.menus import Wire, cafe, catalog, compiled, group, item, section
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def problems(wire: Wire) -> list[str]:
    with pytest.raises(CatalogInvalid) as caught:
        compiled(wire)
    return list(caught.value.problems)


def paths(wire: Wire) -> list[str]:
    return [problem.split(":")[0] for problem in problems(wire)]


def test_a_sound_menu_compiles_and_keeps_its_version() -> None:
    assert compiled(cafe() | {"catalogSetId": "v1"}).version == "v1"


def test_an_empty_menu_compiles() -> None:
    assert dict(compiled({}).items) == {}


@pytest.mark.parametrize(
    ("table", "key", "member", "value"),
    [
        ("catalogs", "day", "sectionIds", ["drinks", "gone"]),
        ("sections", "hot", "itemIds", ["latte", "gone"]),
        ("sections", "hot", "sectionIds", ["bakery", "gone"]),
        ("items", "latte", "modifierGroupIds", ["milk", "gone"]),
        ("modifierGroups", "milk", "itemIds", ["oat", "gone"]),
    ],
)
def test_a_dangling_reference_is_named_by_its_path(table: str, key: str, member: str, value: list[str]) -> None:
    wire = cafe()
    wire[table][key][member] = value
    (problem,) = problems(wire)
    assert problem.startswith(f"$.{table}['{key}'].{member}[1]: ")
    assert "'gone'" in problem


@pytest.mark.parametrize(
    ("table", "key", "member"),
    [
        ("catalogs", "day", "catalogId"),
        ("sections", "hot", "sectionId"),
        ("items", "latte", "itemId"),
        ("modifierGroups", "milk", "modifierGroupId"),
    ],
)
def test_a_key_must_be_the_entity_s_own_id(table: str, key: str, member: str) -> None:
    wire = cafe()
    wire[table][key][member] = "other"
    assert paths(wire) == [f"$.{table}['{key}'].{member}"]


def test_all_problems_are_told_at_once() -> None:
    wire = cafe()
    wire["sections"]["hot"]["itemIds"] += ["a", "b"]
    wire["items"]["muffin"]["itemId"] = "cake"
    wire["modifierGroups"]["milk"]["minimumAllowed"] = 2
    wire["modifierGroups"]["syrup"]["tiers"] = []
    assert paths(wire) == [
        "$.items['muffin'].itemId",
        "$.sections['hot'].itemIds[1]",
        "$.sections['hot'].itemIds[2]",
        "$.modifierGroups['milk'].minimumAllowed",
        "$.modifierGroups['syrup'].tiers",
    ]


def test_a_quote_in_an_id_is_escaped_in_the_path() -> None:
    wire = {"items": {"it's": item("it's", 1, "gone")}}
    assert paths(wire) == [r"$.items['it\'s'].modifierGroupIds[0]"]


def test_a_section_that_holds_itself_is_refused_where_the_circle_closes() -> None:
    wire = cafe()
    wire["sections"]["hot"]["sectionIds"] = ["drinks"]
    (problem,) = problems(wire)
    assert problem == "$.sections['hot'].sectionIds[0]: a section holds itself: 'drinks' → 'hot' → 'drinks'"


def test_a_section_cycle_that_no_catalog_reaches_is_refused_too() -> None:
    wire = cafe()
    wire["sections"]["lost"] = section("lost", [], "lost")
    assert paths(wire) == ["$.sections['lost'].sectionIds[0]"]


def test_a_section_under_two_others_is_no_cycle() -> None:
    wire = cafe()
    wire["sections"]["bakery"]["sectionIds"] = ["hot"]
    compiled(wire)


@pytest.mark.parametrize(
    ("table", "key", "member", "value", "closing"),
    [
        ("items", "warm", "modifierGroupIds", ["milk"], "$.items['warm'].modifierGroupIds[0]"),
        ("modifierGroups", "froth", "itemIds", ["warm", "latte"], "$.modifierGroups['froth'].itemIds[1]"),
    ],
)
def test_modifiers_that_go_round_in_a_circle_are_refused_where_it_closes(
    table: str, key: str, member: str, value: list[str], closing: str
) -> None:
    wire = cafe()
    wire[table][key][member] = value
    assert paths(wire) == [closing]


def test_every_cycle_is_found() -> None:
    wire = {
        "items": {"a": item("a", 0, "g", "h"), "b": item("b", 0, "h")},
        "modifierGroups": {"g": group("g", ["a"], 0, 1), "h": group("h", ["b", "a"], 0, 1)},
    }
    assert paths(wire) == [
        "$.modifierGroups['g'].itemIds[0]",
        "$.items['b'].modifierGroupIds[0]",
        "$.modifierGroups['h'].itemIds[1]",
    ]


def test_a_cycle_apart_from_the_rest_is_found() -> None:
    wire = cafe()
    wire["items"]["x"] = item("x", 0, "loop")
    wire["modifierGroups"]["loop"] = group("loop", ["x"], 0, 1)
    assert paths(wire) == ["$.modifierGroups['loop'].itemIds[0]"]


def test_what_is_reached_on_many_ways_is_walked_once() -> None:
    floors = 60  # with two ways from each floor to the next there are 2^60 ways down
    sections: Wire = {str(i): section(str(i), [], str(i + 1), str(i + 1)) for i in range(floors)}
    sections[str(floors)] = section(str(floors), ["a"])
    catalogs = {"c": catalog("c", ["0"], None)}
    assert compiled({"catalogs": catalogs, "sections": sections, "items": {"a": item("a", 1)}}).items["a"].catalogs == 1


def test_an_item_and_a_group_of_one_id_are_no_cycle() -> None:
    compiled({"items": {"a": item("a", 0, "a"), "b": item("b", 0)}, "modifierGroups": {"a": group("a", ["b"], 0, 1)}})


def test_nesting_deeper_than_python_s_stack_compiles() -> None:
    depth = 3_000
    items: Wire = {str(i): item(str(i), 0, str(i)) for i in range(depth)} | {str(depth): item(str(depth), 0)}
    groups: Wire = {str(i): group(str(i), [str(i + 1)], 0, 1) for i in range(depth)}
    sections: Wire = {str(i): section(str(i), [], str(i + 1)) for i in range(depth)}
    sections[str(depth)] = section(str(depth), ["0"])
    wire = {
        "catalogs": {"c": catalog("c", ["0"], None)},
        "sections": sections,
        "items": items,
        "modifierGroups": groups,
    }
    assert compiled(wire).items["0"].catalogs == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"minimumAllowed": 2}, "minimumAllowed"),
        ({"minimumAllowed": 0, "maximumAllowed": -1}, "minimumAllowed"),
        ({"tiers": []}, "tiers"),
        ({"tiers": [{"offset": 1, "price": 1}]}, "tiers"),
        ({"tiers": [{"offset": 0, "price": 1}, {"offset": 0, "price": 2}]}, "tiers[1].offset"),
    ],
)
def test_a_group_without_clear_bounds_or_prices_is_refused(change: Wire, path: str) -> None:
    wire = cafe()
    wire["modifierGroups"]["milk"] |= change
    assert paths(wire) == [f"$.modifierGroups['milk'].{path}"]


@pytest.mark.parametrize(
    ("tiers", "costs"), [(None, 300), ([(0, 5)], 1500), ([(0, 5), (2, 1)], 1100), ([(2, 1), (0, 5)], 1100)]
)
def test_tiers_are_read_by_offset_in_whatever_order_they_stand(tiers: list[Any] | None, costs: int) -> None:
    wire = cafe()
    wire["items"]["whole"]["basePrice"] = 1
    wire["modifierGroups"]["milk"]["tiers"] = tiers and [{"offset": offset, "price": price} for offset, price in tiers]
    milk = compiled(wire).items["latte"].groups["milk"]
    assert milk.price(milk.options["whole"], 0, 3) == costs
    assert sum(milk.price(milk.options["whole"], k, 1) for k in range(3)) == costs


def test_a_price_finer_than_a_cent_is_refused_not_cut() -> None:
    models = ExternalCatalogSet.model_validate(cafe())
    assert models.modifier_groups["syrup"].tiers
    models.items["latte"].base_price = Decimal("3.505")
    models.modifier_groups["syrup"].tiers[1].price = Decimal("0.333")
    with pytest.raises(CatalogInvalid) as caught:
        CompiledCatalog.compile(models)
    assert caught.value.problems == (
        "$.items['latte'].basePrice: 3.505 is finer than a cent",
        "$.modifierGroups['syrup'].tiers[1].price: 0.333 is finer than a cent",
    )


def test_items_with_the_same_groups_share_them() -> None:
    wire = cafe()
    wire["items"]["mocha"] = item("mocha", 4, "milk", "syrup")
    menu = compiled(wire)
    assert menu.items["mocha"].groups is menu.items["latte"].groups


def test_texts_are_shared_with_the_models() -> None:
    models = ExternalCatalogSet.model_validate(cafe())
    menu = CompiledCatalog.compile(models)
    assert menu.items["latte"].name is models.items["latte"].name


def test_a_compiled_menu_cannot_be_changed() -> None:
    menu = compiled(cafe())
    latte = menu.items["latte"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        latte.price = 0  # type: ignore[misc]
    for mapping in (menu.items, latte.groups, latte.groups["milk"].options):
        with pytest.raises(TypeError):
            mapping["x"] = latte  # type: ignore[index]
