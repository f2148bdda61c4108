"""What has run out takes along what cannot be made without it, and leaves a menu that passes every check."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.menus import catalog, group, item, section
from tests.catalog.strategies import catalogs
from webhook_kit.catalog.check import CatalogRule, Severity, check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.unavailable import remove_items, unavailable_items
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def menu(items: list[Any], groups: list[Any], *sections: Any) -> ExternalCatalogSet:
    wire = {
        "catalogs": {"day": catalog("day", [one["sectionId"] for one in sections], [])},
        "sections": {one["sectionId"]: one for one in sections},
        "items": {one["itemId"]: one for one in items},
        "modifierGroups": {one["modifierGroupId"]: one for one in groups},
    }
    return ExternalCatalogSet.model_validate(wire)


def coffee(minimum: int = 1, **more: Any) -> ExternalCatalogSet:
    """A latte with a choice of milk, and a tea."""
    milk = group("milk", ["oat", "soy", "cow"], minimum, 3, **more)
    items = [item("latte", 3, "milk"), item("tea", 2), item("oat", 0), item("soy", 0), item("cow", 0)]
    return menu(items, [milk], section("drinks", ["latte", "tea"]))


def missing(made: ExternalCatalogSet, *out: str) -> set[str]:
    return set(unavailable_items(CompiledCatalog.compile(made), out))


def test_an_option_takes_nothing_along_while_enough_are_left() -> None:
    assert missing(coffee(), "oat", "soy") == {"oat", "soy"}
    assert missing(coffee(), "oat", "soy", "cow") == {"oat", "soy", "cow", "latte"}


def test_enough_is_the_groups_minimum_unless_one_may_be_chosen_again() -> None:
    assert missing(coffee(2), "oat", "soy") == {"oat", "soy", "latte"}
    assert missing(coffee(2, enableDuplicateItems=True), "oat", "soy") == {"oat", "soy"}


def test_nothing_is_needed_from_an_optional_group() -> None:
    assert missing(coffee(0), "oat", "soy", "cow") == {"oat", "soy", "cow"}


def test_what_is_lost_is_lost_to_what_needs_it_too() -> None:
    sizes, cups = group("size", ["large"], 1, 1), group("cup", ["paper"], 1, 1)
    items = [item("latte", 3, "size"), item("tea", 1), item("large", 0, "cup"), item("paper", 0)]
    made = menu(items, [sizes, cups], section("drinks", ["latte", "tea"]))
    assert missing(made, "paper") == {"paper", "large", "latte"}


def test_what_is_on_no_menu_takes_nothing_along() -> None:
    made = coffee()
    assert missing(made, "whisky") == set()
    assert remove_items(made, ["whisky"]) is made


def test_the_published_menu_lacks_it_everywhere() -> None:
    defaults = [{"itemId": "oat", "quantity": 1}, {"itemId": "cow", "quantity": 1}]
    left = remove_items(coffee(defaultItems=defaults), ["oat"])
    assert left.items.keys() == {"latte", "tea", "soy", "cow"}
    milk = left.modifier_groups["milk"]
    assert milk.item_ids == ["soy", "cow"]
    assert [default.item_id for default in milk.default_items or ()] == ["cow"]
    assert left.sections["drinks"].item_ids == ["latte", "tea"]


def test_a_dish_that_cannot_be_made_goes_with_its_group() -> None:
    left = remove_items(coffee(), ["oat", "soy", "cow"])
    assert (set(left.items), left.modifier_groups) == ({"tea"}, {})
    assert left.sections["drinks"].item_ids == ["tea"]


def test_an_optional_choice_that_is_gone_leaves_the_dish() -> None:
    left = remove_items(coffee(0), ["oat", "soy", "cow"])
    assert left.items["latte"].modifier_group_ids == []
    assert left.modifier_groups == {}


def test_a_heading_with_nothing_under_it_goes_too() -> None:
    made = menu(
        [item("tea", 2), item("wine", 5)],
        [],
        section("drinks", ["tea"], "strong"),
        section("strong", [], "wines"),
        section("wines", ["wine"]),
    )
    left = remove_items(made, ["wine"])
    assert left.sections.keys() == {"drinks"}
    assert left.sections["drinks"].section_ids == []
    assert left.catalogs["day"].section_ids == ["drinks"]
    assert remove_items(made, ["wine", "tea"]).sections == {}


def test_the_whole_menu_stays_as_it_was() -> None:
    made = coffee()
    before = made.model_copy(deep=True)
    remove_items(made, ["oat", "soy", "cow"])
    assert made == before


def broken(made: ExternalCatalogSet) -> set[CatalogRule]:
    return {finding.rule for finding in check(made) if finding.severity is Severity.ERROR}


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_runs_out_what_is_left_passes_every_check(data: st.DataObject) -> None:
    made = ExternalCatalogSet.model_validate(data.draw(catalogs()))
    out = data.draw(st.sets(st.sampled_from([*made.items, "on no menu"])))
    left = remove_items(made, out)
    assert broken(left) - broken(made) <= {CatalogRule.NOTHING_ON_SALE}
    assert left.items.keys() == made.items.keys() - unavailable_items(CompiledCatalog.compile(made), out)
    assert all(one.item_ids or one.section_ids for one in left.sections.values()) or left is made
    for one in left.modifier_groups.values():
        assert one.item_ids or left is made
        assert one.enable_duplicate_items or len(set(one.item_ids)) >= one.minimum_allowed or left is made
    for key, one_left in left.items.items():
        needed = [g for g in made.items[key].modifier_group_ids if made.modifier_groups[g].minimum_allowed > 0]
        assert set(needed) <= set(one_left.modifier_group_ids), "nobody may choose what nobody must leave out"


@pytest.mark.parametrize("out", [["oat"], ["tea"], ["oat", "soy", "cow"], ["latte", "oat"]])
def test_back_again_is_the_same_menu(out: list[str]) -> None:
    made = coffee()
    assert remove_items(made, out) != made
    assert remove_items(made, []) is made
