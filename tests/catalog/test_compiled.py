"""Compiling of a catalog: rejected catalogs, with the path of every problem, and the compiled form."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from tests.catalog.cafe_catalog import Wire, cafe, catalog, compiled, group, item, section
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def problems(wire: Wire) -> list[str]:
    with pytest.raises(CatalogInvalid) as caught:
        compiled(wire)
    return list(caught.value.problems)


def paths(wire: Wire) -> list[str]:
    return [problem.split(":")[0] for problem in problems(wire)]


def test_valid_catalog_compiles_and_keeps_its_version() -> None:
    assert compiled(cafe() | {"catalogSetId": "v1"}).version == "v1"


def test_empty_catalog_compiles() -> None:
    assert dict(compiled({}).items) == {}


@pytest.mark.parametrize(
    ("table", "key", "member", "value"),
    [
        ("catalogs", "day", "sectionIds", ["drinks", "missing"]),
        ("sections", "hot", "itemIds", ["latte", "missing"]),
        ("sections", "hot", "sectionIds", ["bakery", "missing"]),
        ("items", "latte", "modifierGroupIds", ["milk", "missing"]),
        ("modifierGroups", "milk", "itemIds", ["oat", "missing"]),
    ],
)
def test_dangling_reference_is_reported_with_its_path(table: str, key: str, member: str, value: list[str]) -> None:
    wire = cafe()
    wire[table][key][member] = value
    (problem,) = problems(wire)
    assert problem.startswith(f"$.{table}['{key}'].{member}[1]: ")
    assert "'missing'" in problem


@pytest.mark.parametrize(
    ("table", "key", "member"),
    [
        ("catalogs", "day", "catalogId"),
        ("sections", "hot", "sectionId"),
        ("items", "latte", "itemId"),
        ("modifierGroups", "milk", "modifierGroupId"),
    ],
)
def test_key_must_be_the_entity_s_id(table: str, key: str, member: str) -> None:
    wire = cafe()
    wire[table][key][member] = "other"
    assert paths(wire) == [f"$.{table}['{key}'].{member}"]


def test_all_problems_are_reported_at_once() -> None:
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


def test_quote_in_an_id_is_escaped_in_the_path() -> None:
    wire = {"items": {"it's": item("it's", 1, "missing")}}
    assert paths(wire) == [r"$.items['it\'s'].modifierGroupIds[0]"]


def test_section_that_contains_itself_is_reported_where_the_cycle_closes() -> None:
    wire = cafe()
    wire["sections"]["hot"]["sectionIds"] = ["drinks"]
    (problem,) = problems(wire)
    assert problem == "$.sections['hot'].sectionIds[0]: the section contains itself: 'drinks' → 'hot' → 'drinks'"


def test_section_cycle_outside_every_catalog_is_rejected() -> None:
    wire = cafe()
    wire["sections"]["unused"] = section("unused", [], "unused")
    assert paths(wire) == ["$.sections['unused'].sectionIds[0]"]


def test_section_in_two_sections_is_not_a_cycle() -> None:
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
def test_cycle_of_modifiers_is_reported_where_it_closes(
    table: str, key: str, member: str, value: list[str], closing: str
) -> None:
    wire = cafe()
    wire[table][key][member] = value
    assert paths(wire) == [closing]


def test_every_cycle_is_reported() -> None:
    wire = {
        "items": {"a": item("a", 0, "g", "h"), "b": item("b", 0, "h")},
        "modifierGroups": {"g": group("g", ["a"], 0, 1), "h": group("h", ["b", "a"], 0, 1)},
    }
    assert paths(wire) == [
        "$.modifierGroups['g'].itemIds[0]",
        "$.items['b'].modifierGroupIds[0]",
        "$.modifierGroups['h'].itemIds[1]",
    ]


def test_unreachable_cycle_is_reported() -> None:
    wire = cafe()
    wire["items"]["x"] = item("x", 0, "loop")
    wire["modifierGroups"]["loop"] = group("loop", ["x"], 0, 1)
    assert paths(wire) == ["$.modifierGroups['loop'].itemIds[0]"]


def test_section_with_many_paths_to_it_is_visited_once() -> None:
    levels = 60  # with two references from each level to the next there are 2^60 paths
    sections: Wire = {str(i): section(str(i), [], str(i + 1), str(i + 1)) for i in range(levels)}
    sections[str(levels)] = section(str(levels), ["a"])
    catalogs = {"c": catalog("c", ["0"], None)}
    assert compiled({"catalogs": catalogs, "sections": sections, "items": {"a": item("a", 1)}}).items["a"].catalogs == 1


def test_item_and_group_with_one_id_are_not_a_cycle() -> None:
    compiled({"items": {"a": item("a", 0, "a"), "b": item("b", 0)}, "modifierGroups": {"a": group("a", ["b"], 0, 1)}})


def test_nesting_deeper_than_the_recursion_limit_compiles() -> None:
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
        ({"minimumAllowed": 0, "maximumAllowed": -1}, "maximumAllowed"),
        ({"tiers": []}, "tiers"),
        ({"tiers": [{"offset": 1, "price": 1}]}, "tiers"),
        ({"tiers": [{"offset": 0, "price": 1}, {"offset": 0, "price": 2}]}, "tiers[1].offset"),
    ],
)
def test_group_with_contradictory_bounds_or_prices_is_rejected(change: Wire, path: str) -> None:
    wire = cafe()
    wire["modifierGroups"]["milk"] |= change
    assert paths(wire) == [f"$.modifierGroups['milk'].{path}"]


@pytest.mark.parametrize(
    ("tiers", "costs"), [(None, 300), ([(0, 5)], 1500), ([(0, 5), (2, 1)], 1100), ([(2, 1), (0, 5)], 1100)]
)
def test_tiers_apply_by_offset_in_any_order(tiers: list[Any] | None, costs: int) -> None:
    wire = cafe()
    wire["items"]["whole"]["basePrice"] = 1
    wire["modifierGroups"]["milk"]["tiers"] = tiers and [{"offset": offset, "price": price} for offset, price in tiers]
    milk = compiled(wire).items["latte"].groups["milk"]
    assert milk.price(milk.options["whole"], 0, 3) == costs
    assert sum(milk.price(milk.options["whole"], k, 1) for k in range(3)) == costs


def test_price_with_fractions_of_a_cent_is_rejected_not_rounded() -> None:
    models = ExternalCatalogSet.model_validate(cafe())
    assert models.modifier_groups["syrup"].tiers
    models.items["latte"].base_price = Decimal("3.505")
    models.modifier_groups["syrup"].tiers[1].price = Decimal("0.333")
    with pytest.raises(CatalogInvalid) as caught:
        CompiledCatalog.compile(models)
    assert caught.value.problems == (
        "$.items['latte'].basePrice: 3.505 has fractions of a cent (item 'Latte')",
        "$.modifierGroups['syrup'].tiers[1].price: 0.333 has fractions of a cent (group 'Syrup')",
    )


def test_items_with_the_same_groups_share_the_mapping() -> None:
    wire = cafe()
    wire["items"]["mocha"] = item("mocha", 4, "milk", "syrup")
    compiled_catalog = compiled(wire)
    assert compiled_catalog.items["mocha"].groups is compiled_catalog.items["latte"].groups


def test_strings_are_shared_with_the_models() -> None:
    models = ExternalCatalogSet.model_validate(cafe())
    compiled_catalog = CompiledCatalog.compile(models)
    assert compiled_catalog.items["latte"].name is models.items["latte"].name


def test_compiled_catalog_is_immutable() -> None:
    compiled_catalog = compiled(cafe())
    latte = compiled_catalog.items["latte"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        latte.price = 0  # type: ignore[misc]
    for mapping in (compiled_catalog.items, latte.groups, latte.groups["milk"].options):
        with pytest.raises(TypeError):
            mapping["x"] = latte  # type: ignore[index]
