"""Unavailable items, and the valid catalog that remains without them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.cafe_catalog import catalog, group, item, section
from tests.catalog.strategies import catalogs
from webhook_kit.catalog.check import CatalogRule, Severity, check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.unavailable import remove_items, unavailable_items
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def catalog_set(items: list[Any], groups: list[Any], *sections: Any) -> ExternalCatalogSet:
    wire = {
        "catalogs": {"day": catalog("day", [one["sectionId"] for one in sections], [])},
        "sections": {one["sectionId"]: one for one in sections},
        "items": {one["itemId"]: one for one in items},
        "modifierGroups": {one["modifierGroupId"]: one for one in groups},
    }
    return ExternalCatalogSet.model_validate(wire)


def coffee(minimum: int = 1, **more: Any) -> ExternalCatalogSet:
    """Return a catalog of a latte with a choice of milk, and a tea."""
    milk = group("milk", ["oat", "soy", "cow"], minimum, 3, **more)
    items = [item("latte", 3, "milk"), item("tea", 2), item("oat", 0), item("soy", 0), item("cow", 0)]
    return catalog_set(items, [milk], section("drinks", ["latte", "tea"]))


def unavailable(catalog: ExternalCatalogSet, *marked: str) -> set[str]:
    return set(unavailable_items(CompiledCatalog.compile(catalog), marked))


def test_item_stays_available_while_enough_options_remain() -> None:
    assert unavailable(coffee(), "oat", "soy") == {"oat", "soy"}
    assert unavailable(coffee(), "oat", "soy", "cow") == {"oat", "soy", "cow", "latte"}


def test_enough_options_means_the_minimum_unless_options_may_repeat() -> None:
    assert unavailable(coffee(2), "oat", "soy") == {"oat", "soy", "latte"}
    assert unavailable(coffee(2, enableDuplicateItems=True), "oat", "soy") == {"oat", "soy"}


def test_optional_group_needs_no_options() -> None:
    assert unavailable(coffee(0), "oat", "soy", "cow") == {"oat", "soy", "cow"}


def test_item_is_unavailable_when_its_options_lack_their_options() -> None:
    sizes, cups = group("size", ["large"], 1, 1), group("cup", ["paper"], 1, 1)
    items = [item("latte", 3, "size"), item("tea", 1), item("large", 0, "cup"), item("paper", 0)]
    original = catalog_set(items, [sizes, cups], section("drinks", ["latte", "tea"]))
    assert unavailable(original, "paper") == {"paper", "large", "latte"}


def test_unknown_item_changes_nothing() -> None:
    original = coffee()
    assert unavailable(original, "whisky") == set()
    assert remove_items(original, ["whisky"]) is original


def test_removed_item_leaves_no_reference() -> None:
    defaults = [{"itemId": "oat", "quantity": 1}, {"itemId": "cow", "quantity": 1}]
    remaining = remove_items(coffee(defaultItems=defaults), ["oat"])
    assert remaining.items.keys() == {"latte", "tea", "soy", "cow"}
    milk = remaining.modifier_groups["milk"]
    assert milk.item_ids == ["soy", "cow"]
    assert [default.item_id for default in milk.default_items or ()] == ["cow"]
    assert remaining.sections["drinks"].item_ids == ["latte", "tea"]


def test_item_without_a_legal_choice_is_removed_with_its_group() -> None:
    remaining = remove_items(coffee(), ["oat", "soy", "cow"])
    assert (set(remaining.items), remaining.modifier_groups) == ({"tea"}, {})
    assert remaining.sections["drinks"].item_ids == ["tea"]


def test_item_stays_when_an_optional_group_is_removed() -> None:
    remaining = remove_items(coffee(0), ["oat", "soy", "cow"])
    assert remaining.items["latte"].modifier_group_ids == []
    assert remaining.modifier_groups == {}


def test_empty_section_is_removed() -> None:
    original = catalog_set(
        [item("tea", 2), item("wine", 5)],
        [],
        section("drinks", ["tea"], "strong"),
        section("strong", [], "wines"),
        section("wines", ["wine"]),
    )
    remaining = remove_items(original, ["wine"])
    assert remaining.sections.keys() == {"drinks"}
    assert remaining.sections["drinks"].section_ids == []
    assert remaining.catalogs["day"].section_ids == ["drinks"]
    assert remove_items(original, ["wine", "tea"]).sections == {}


def test_original_catalog_is_not_changed() -> None:
    original = coffee()
    before = original.model_copy(deep=True)
    remove_items(original, ["oat", "soy", "cow"])
    assert original == before


def broken_rules(catalog: ExternalCatalogSet) -> set[CatalogRule]:
    return {finding.rule for finding in check(catalog) if finding.severity is Severity.ERROR}


@settings(max_examples=300)
@given(data=st.data())
def test_catalog_without_any_set_of_items_passes_every_check(data: st.DataObject) -> None:
    original = ExternalCatalogSet.model_validate(data.draw(catalogs()))
    marked = data.draw(st.sets(st.sampled_from([*original.items, "unknown"])))
    remaining = remove_items(original, marked)
    assert broken_rules(remaining) - broken_rules(original) <= {CatalogRule.NOTHING_ON_SALE}
    assert remaining.items.keys() == original.items.keys() - unavailable_items(
        CompiledCatalog.compile(original), marked
    )
    assert all(one.item_ids or one.section_ids for one in remaining.sections.values()) or remaining is original
    for one in remaining.modifier_groups.values():
        assert one.item_ids or remaining is original
        assert one.enable_duplicate_items or len(set(one.item_ids)) >= one.minimum_allowed or remaining is original
    for key, item_remaining in remaining.items.items():
        needed = [g for g in original.items[key].modifier_group_ids if original.modifier_groups[g].minimum_allowed > 0]
        assert set(needed) <= set(item_remaining.modifier_group_ids), "an item lacks a required group"


@pytest.mark.parametrize("marked", [["oat"], ["tea"], ["oat", "soy", "cow"], ["latte", "oat"]])
def test_catalog_without_unavailable_items_is_the_original(marked: list[str]) -> None:
    original = coffee()
    assert remove_items(original, marked) != original
    assert remove_items(original, []) is original
