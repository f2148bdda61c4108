"""The builder: a catalog from what a POS exports, valid or refused with the name of each mistake."""

from __future__ import annotations

import inspect
import textwrap
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

import webhook_kit
from webhook_kit.catalog.builder import NO_LIMIT, CatalogBuilder
from webhook_kit.catalog.check import check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem, ExternalModifierGroup


@pytest.fixture
def menu() -> CatalogBuilder:
    return CatalogBuilder()


def built(menu: CatalogBuilder) -> ExternalCatalogSet:
    """Build a catalog that has to be free of findings."""
    catalog = menu.build()
    assert check(catalog) == []
    CompiledCatalog.compile(catalog)
    return catalog


def problems(menu: CatalogBuilder) -> tuple[str, ...]:
    with pytest.raises(CatalogInvalid) as caught:
        menu.build()
    return caught.value.problems


def only_group(catalog: ExternalCatalogSet) -> ExternalModifierGroup:
    (group,) = catalog.modifier_groups.values()
    return group


def only_item(catalog: ExternalCatalogSet) -> ExternalItem:
    (item,) = catalog.items.values()
    return item


def test_builder_is_in_the_front_door() -> None:
    assert webhook_kit.CatalogBuilder is CatalogBuilder


def test_example_of_the_builder_makes_a_catalog() -> None:
    code = inspect.cleandoc(CatalogBuilder.__doc__ or "").split("::\n\n")[1].split("\n\nIds")[0]
    names: dict[str, Any] = {"CatalogBuilder": CatalogBuilder}
    exec(textwrap.dedent(code), names)
    assert check(names["catalog"]) == []
    assert "17" in names["catalog"].items


def test_several_catalogs_have_nested_and_shared_sections(menu: CatalogBuilder) -> None:
    lunch, dinner = menu.catalog("Lunch", hours="Mon-Fri 11-14"), menu.catalog("Dinner", hours="17:00-1:00")
    drinks = lunch.section("Drinks", pos_id="d")
    dinner.add("d")
    wine = drinks.section("Wine")
    wine.item("Riesling", 6, pos_id=1)
    drinks.item("Tea", 3, pos_id=2)
    dinner.section("Late", pos_id="late").add(2)
    catalog = built(menu)
    assert [one.section_ids for one in catalog.catalogs.values()] == [["d"], ["d", "late"]]
    assert (catalog.sections["d"].item_ids, catalog.sections["d"].section_ids) == (["2"], [wine.id])
    assert (catalog.sections[wine.id].item_ids, catalog.sections["late"].item_ids) == (["1"], ["2"])


def test_ids_are_those_of_the_pos_or_stay_with_name_and_place() -> None:
    def build(price: int) -> ExternalCatalogSet:
        menu = CatalogBuilder()
        section = menu.catalog("All day", pos_id=3).section("Food", pos_id=("category", 4))
        section.item("Soup", price, pos_id=7, groups=[menu.group("Bread", [("White", 0, ("modifier", 7)), ("Rye", 1)])])
        section.item("Cake", price)
        section.section("Sweets").item("Flan", price)
        return built(menu)

    first, second = build(5), build(6)
    assert {"3", "category:4", "7", "modifier:7"} <= {*first.catalogs, *first.sections, *first.items}
    for table in ("catalogs", "sections", "items", "modifier_groups"):
        assert list(getattr(first, table)) == list(getattr(second, table))


def test_sections_of_one_name_in_different_places_are_different(menu: CatalogBuilder) -> None:
    food, drinks = menu.catalog("Food"), menu.catalog("Drinks")
    food.section("Specials").item("Soup", 5)
    drinks.section("Specials").item("Tea", 3)
    assert len(built(menu).sections) == 2


def test_same_section_is_continued(menu: CatalogBuilder) -> None:
    for n in range(3):
        menu.catalog().section("Food").item(f"Soup {n}", 5)
    catalog = built(menu)
    assert (len(catalog.catalogs), [len(one.item_ids) for one in catalog.sections.values()]) == (1, [3])


def test_variants_are_a_base_price_and_a_required_group(menu: CatalogBuilder) -> None:
    sizes = menu.variants("Size", [("Large", 11, "L"), ("Small", "$8.00", "S")])
    menu.catalog().section("Pizza").item("Margherita", sizes, pos_id=17)
    catalog = built(menu)
    pizza, group = catalog.items["17"], only_group(catalog)
    assert (str(pizza.base_price), str(pizza.starting_at)) == ("8.00", "8.00")
    assert pizza.modifier_group_ids == ["17:Size"] == [group.modifier_group_id]
    assert (group.minimum_allowed, group.maximum_allowed, group.item_ids) == (1, 1, ["L", "S"])
    assert [str(catalog.items[key].base_price) for key in ("L", "S")] == ["3.00", "0.00"]


def test_variants_of_two_items_do_not_mix(menu: CatalogBuilder) -> None:
    pizza = menu.catalog().section("Pizza")
    for number, name in enumerate(("Margherita", "Marinara")):
        pizza.item(name, menu.variants("Size", [("Small", 8 + number), ("Large", 11)]), pos_id=number)
    catalog = built(menu)
    assert (len(catalog.modifier_groups), len(catalog.items)) == (2, 6)


def test_single_variant_is_a_plain_price(menu: CatalogBuilder) -> None:
    menu.catalog().section("Soup").item("Soup", menu.variants("Size", [("Regular", 5, "v")]), pos_id=1)
    item = only_item(built(menu))
    assert (str(item.base_price), item.starting_at, item.modifier_group_ids) == ("5.00", None, [])


def test_money_is_read_by_the_rule_of_the_builder() -> None:
    cases: list[tuple[dict[str, Any], object, str]] = [
        ({"cents": True}, 1250, "12.50"),
        ({"cents": True}, "$12.50", "12.50"),
        ({}, "1,50", "1.50"),
        ({}, 2.4900000095, "2.49"),
        ({"rounding": ROUND_HALF_UP}, 2.495, "2.50"),
        ({"decimal_separator": "."}, "1,250", "1250.00"),
        ({}, Decimal("3.10"), "3.10"),
    ]
    for options, price, expected in cases:
        menu = CatalogBuilder(**options)
        menu.item("Soup", price)
        assert str(only_item(menu.build()).base_price) == expected


def test_variants_in_cents_differ_in_cents() -> None:
    menu = CatalogBuilder(cents=True)
    menu.item("Pizza", menu.variants("Size", [("Small", 800, "s"), ("Large", 1100, "l")]), pos_id="p", compare_at=900)
    items = menu.build().items
    assert [str(items[key].base_price) for key in "psl"] == ["8.00", "0.00", "3.00"]
    assert (str(items["p"].starting_at), str(items["p"].compare_at)) == ("8.00", "9.00")


@pytest.mark.parametrize("maximum", [None, -1])
def test_group_without_a_maximum_allows_all_its_options(maximum: int | None, menu: CatalogBuilder) -> None:
    menu.group("Extras", [("Ham", 1), ("Egg", 2)], maximum=maximum, minimum=None)
    assert (only_group(menu.build()).minimum_allowed, only_group(menu.build()).maximum_allowed) == (0, 2)


def test_group_without_a_maximum_whose_options_repeat_has_a_limit_that_nobody_reaches(menu: CatalogBuilder) -> None:
    menu.group("Extras", [("Ham", 1)], repeats=True, minimum=-1)
    group = only_group(menu.build())
    assert (group.minimum_allowed, group.maximum_allowed, group.enable_duplicate_items) == (0, NO_LIMIT, True)


def test_group_has_defaults_and_tiers(menu: CatalogBuilder) -> None:
    menu.group("Extras", [("Ham", 1, 5), ("Egg", 1, 6)], defaults=[5], tiers={2: "0,50", 0: 0}, maximum=3)
    group = only_group(menu.build())
    assert [default.item_id for default in group.default_items or ()] == ["5"]
    assert [(tier.offset, str(tier.price)) for tier in group.tiers or ()] == [(0, "0.00"), (2, "0.50")]


def test_references_may_come_first_and_options_may_be_items(menu: CatalogBuilder) -> None:
    menu.catalog().section("Food").item("Menu", 9, pos_id=1, groups=[50, "50"])
    menu.group("Drink", [2, ("Water", 0, 3)], pos_id=50, minimum=1, maximum=1)
    menu.item("Cola", 0, pos_id=2)
    catalog = built(menu)
    assert (catalog.items["1"].modifier_group_ids, only_group(catalog).item_ids) == (["50"], ["2", "3"])


def test_what_is_sold_out_is_left_out_with_what_needs_it(menu: CatalogBuilder) -> None:
    food = menu.catalog().section("Food")
    food.item("Soup", 5, pos_id=1, sold_out=True)
    food.item("Menu", 9, pos_id=2, groups=[menu.group("Drink", [("Cola", 0, 4)], minimum=1)])
    food.item("Cake", 3, pos_id=3)
    menu.sold_out(4, "unknown")
    assert list(built(menu).items) == ["3"]


def test_texts_are_cleaned_and_of_one_language() -> None:
    menu = CatalogBuilder(language="en")
    section = menu.catalog({"de": "Karte", "en": "Menu"}).section("Soups &amp; stews")
    section.item({"translations": {"en": "<b>Pho</b>"}}, 9, description="one<br>two", image="https://x.example/a.jpg")
    catalog = built(menu)
    (item,), (one,) = catalog.items.values(), catalog.sections.values()
    assert (item.name, item.description, item.image_url) == ("Pho", "one\ntwo", "https://x.example/a.jpg")
    assert (one.name, [c.name for c in catalog.catalogs.values()]) == ("Soups & stews", ["Menu"])


def test_mistakes_are_collected_with_the_names_of_their_items(menu: CatalogBuilder) -> None:
    catalog = menu.catalog("Dinner", hours="5-10 pm")
    food = catalog.section("Food")
    food.item("Soup", "1,250", pos_id=1)
    food.item("Salad", 2.495, pos_id=2)
    food.item("Cake", None, pos_id=3, starting_at="?")
    food.item("Pizza", menu.variants("Size", [("Small",), ("Large", 11)]), pos_id=4)
    food.item("Pasta", menu.variants("Size", []), pos_id=5)
    food.item("Wine", 5, pos_id=6, groups=["missing"])
    menu.group("Milk", [("Oat", "free")], pos_id=7)
    menu.item("x" * 10, 1, pos_id="y" * 300)
    menu.group("Bounds", [("a", 1)], pos_id=8, minimum=2, maximum=1)
    lines = "\n".join(problems(menu))
    for part in (
        "catalog 'Dinner' (",
        "item 'Soup' (1): '1,250' is ambiguous",
        "item 'Salad' (2): 2.495 is between two cents",
        "item 'Cake' (3): None is not a price",
        "item 'Cake' (3): '?' is not a price",
        "item 'Pizza' (4): ('Small',) is not a tuple of name, price and id",
        "item 'Pasta' (5): there are no variants",
        "item 'Oat' (7:Oat): 'free' is not a price",
        "$.items['6'].modifierGroupIds[0]: there is no modifier group 'missing'",
        "ExternalItem.item_id: String should have at most 255 characters",
        "$.modifierGroups['8'].minimumAllowed: 2 is more than maximumAllowed, 1",
    ):
        assert part in lines


def test_different_things_with_one_id_are_a_mistake_and_equal_ones_are_not(menu: CatalogBuilder) -> None:
    menu.item("Soup", 5, pos_id=7)
    menu.item("Soup", 5, pos_id=7)
    menu.build()
    menu.group("Milk", [("Oat", 1, 7)])
    menu.catalog("A", pos_id=1)
    menu.catalog("B", pos_id=1)
    clash, place = problems(menu)
    assert clash.startswith("item 'Oat' (7): something else has this id too")
    assert place == "catalog 'B' (1): 'A' has this id too"


def test_built_catalog_does_not_change_afterwards(menu: CatalogBuilder) -> None:
    food = menu.catalog().section("Food")
    food.item("Soup", 5)
    before = built(menu)
    food.item("Cake", 5)
    assert len(only_item(before).name) == 4
    assert [len(one.item_ids) for one in before.sections.values()] == [1]
    assert built(menu) == built(menu)


def test_store_id_is_written_when_given(menu: CatalogBuilder) -> None:
    menu.catalog().section("Food").item("Soup", 5)
    assert menu.build(store_id="s").store_id == "s"
    assert "storeId" not in menu.build().to_wire()


def test_bad_values_of_any_kind_are_mistakes_and_not_exceptions(menu: CatalogBuilder) -> None:
    values: list[Any] = [object(), b"x", [], {}, 1e400, ("a",), {"en": None}]
    for value in values:
        menu.catalog(value, hours=value)
        menu.item(value, value, pos_id="i")
        menu.group(value, [value, (value, value)], pos_id="g")
    assert problems(menu)


@pytest.mark.parametrize("pos_id", [None, "cut\ud83d", ("cut\ud83d", 7)])
def test_texts_and_ids_that_were_cut_in_an_emoji_are_well_formed(pos_id: object) -> None:
    menu = CatalogBuilder()
    extras = menu.group("Extras\ud83d", [("Olives\ud83d", 1)], pos_id=None if pos_id is None else ("group", pos_id))
    section = menu.catalog("Dinner\ud83d").section("Pizza\ud83d")
    section.item("Margherita\ud83d", 8, pos_id=pos_id, groups=[extras])
    (item_id,) = next(iter(menu.build().sections.values())).item_ids
    assert menu.build().items[item_id].name == "Margherita"
    menu.build().to_json()
