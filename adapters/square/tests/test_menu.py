"""Square's catalog becomes a menu that Gett takes and people can order from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fake_square import LOCATION, FakeSquare
from tests.harbour import category, info, item, modifier, modifier_list, variation
from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.check import check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.gett.models.catalog import DayOfWeek
from webhook_kit_square import SquareAdapter


@pytest.fixture
def menu(adapter: SquareAdapter, harbour: Store) -> CatalogSet:
    return adapter.fetch_catalog(harbour)


def test_the_menu_is_one_that_carts_can_be_checked_against(menu: CatalogSet) -> None:
    CompiledCatalog.compile(menu)  # raises otherwise


def test_the_menu_breaks_no_rule_of_getts(menu: CatalogSet) -> None:
    assert check(menu) == []


def test_an_item_of_one_variation_goes_by_the_variations_id_with_its_price_and_image(menu: CatalogSet) -> None:
    burger = menu.items["BURGER-V"]
    assert (burger.name, burger.base_price) == ("Burger", Decimal("9.95"))
    assert burger.image_url == "https://images.example/burger.jpg"
    assert burger.modifier_group_ids == ["DONENESS", "EXTRAS@BURGER"]


def test_an_item_of_several_variations_makes_one_choose_and_costs_what_is_chosen(menu: CatalogSet) -> None:
    latte, choice = menu.items["LATTE"], menu.modifier_groups["LATTE#variation"]
    assert (latte.base_price, latte.starting_at) == (Decimal("0.00"), Decimal("3.50"))
    assert latte.modifier_group_ids == ["LATTE#variation", "SYRUPS@LATTE"]
    assert (choice.item_ids, choice.minimum_allowed, choice.maximum_allowed) == (["LATTE-S", "LATTE-L"], 1, 1)
    assert (menu.items["LATTE-L"].name, menu.items["LATTE-L"].base_price) == ("Large", Decimal("4.50"))


def test_categories_nest_and_what_stands_in_none_has_a_place_too(square: FakeSquare, harbour: Store) -> None:
    square.put(item("MUG", variation("MUG-V", 900), category=None), category("EMPTY"))
    square.put(category("KITCHEN", category_type="KITCHEN_CATEGORY"))
    square.put(item("SOUP", variation("SOUP-V", 500), category="KITCHEN"))
    menu = SquareAdapter().fetch_catalog(harbour)
    (catalog,) = menu.catalogs.values()
    assert catalog.section_ids == ["DRINKS", "FOOD", "other-items"]
    assert (menu.sections["FOOD"].item_ids, menu.sections["FOOD"].section_ids) == ([], ["BURGERS"])
    assert menu.sections["BURGERS"].item_ids == ["BURGER-V"]
    assert menu.sections["other-items"].item_ids == ["MUG-V", "SOUP-V"]
    assert "EMPTY" not in menu.sections


@pytest.mark.parametrize(
    ("of_item", "of_list", "expected"),
    [
        ({"min_selected_modifiers": -1, "max_selected_modifiers": -1}, {"min_selected_modifiers": 1, "max_selected_modifiers": 2}, ("LIST", 1, 2)),
        ({}, {"min_selected_modifiers": 1, "max_selected_modifiers": 2}, ("LIST", 1, 2)),
        ({}, {"min_selected_modifiers": -1, "max_selected_modifiers": -1}, ("LIST", 0, 3)),
        ({}, {"selection_type": "SINGLE"}, ("LIST", 0, 1)),
        ({}, {"selection_type": "MULTIPLE"}, ("LIST", 0, 3)),
        ({"min_selected_modifiers": 0, "max_selected_modifiers": 0}, {"min_selected_modifiers": 2, "max_selected_modifiers": 2}, ("LIST@DISH", 0, 3)),
        ({"min_selected_modifiers": -1, "max_selected_modifiers": 2}, {"min_selected_modifiers": 1}, ("LIST@DISH", 0, 2)),
        ({"min_selected_modifiers": -7, "max_selected_modifiers": -7}, {"max_selected_modifiers": 1}, ("LIST@DISH", 0, 3)),
        ({}, {"max_selected_modifiers": 9}, ("LIST", 0, 3)),
        ({}, {"max_selected_modifiers": 0, "allow_quantities": True}, ("LIST", 0, 99)),
        ({"allow_quantities": "NO"}, {"max_selected_modifiers": 0, "allow_quantities": True}, ("LIST@DISH", 0, 3)),
        ({"allow_quantities": "NOT_SET"}, {"max_selected_modifiers": 5, "allow_quantities": True}, ("LIST", 0, 5)),
    ],
)  # fmt: skip
def test_an_item_inherits_a_lists_bounds_unless_it_sets_its_own(
    square: FakeSquare, harbour: Store, of_item: dict[str, Any], of_list: dict[str, Any], expected: tuple[str, int, int]
) -> None:
    square.put(modifier_list("LIST", modifier("A", 1), modifier("B", 2), modifier("C", 3), **of_list))
    square.put(item("DISH", variation("DISH-V", 100), modifier_list_info=[info("LIST", **of_item)]))
    menu = SquareAdapter().fetch_catalog(harbour)
    (group_id,) = menu.items["DISH-V"].modifier_group_ids
    group = menu.modifier_groups[group_id]
    assert (group_id, group.minimum_allowed, group.maximum_allowed) == expected


def test_what_is_chosen_beforehand_stays_chosen(menu: CatalogSet) -> None:
    assert [chosen.item_id for chosen in menu.modifier_groups["DONENESS"].default_items or []] == ["MEDIUM"]


def test_a_modifier_costs_what_it_costs_at_this_location(square: FakeSquare, harbour: Store) -> None:
    square.sellable("BACON")["location_overrides"] = [
        {"location_id": "LELSEWHERE", "price_money": {"amount": 1, "currency": "USD"}},
        {"location_id": LOCATION, "price_money": {"amount": 0, "currency": "USD"}},
    ]
    assert SquareAdapter().fetch_catalog(harbour).items["BACON"].base_price == Decimal("0.00")


@pytest.mark.parametrize("gone", ["WATER-V", "BACON"])
def test_what_has_run_out_here_is_not_on_the_menu(square: FakeSquare, harbour: Store, gone: str) -> None:
    assert gone in SquareAdapter().fetch_catalog(harbour).items
    square.sell_out(gone)
    assert gone not in SquareAdapter().fetch_catalog(harbour).items


def test_what_has_run_out_elsewhere_or_until_a_moment_that_has_passed_is_on_the_menu(
    square: FakeSquare, harbour: Store
) -> None:
    past, coming = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    square.sellable("WATER-V")["location_overrides"] = [{"location_id": "LELSEWHERE", "sold_out": True}]
    square.sellable("LATTE-S")["location_overrides"] = [
        {"location_id": LOCATION, "sold_out": True, "sold_out_valid_until": past.isoformat().replace("+00:00", "Z")}
    ]
    square.sellable("LATTE-L")["location_overrides"] = [
        {"location_id": LOCATION, "sold_out": True, "sold_out_valid_until": coming.isoformat()}
    ]
    menu = SquareAdapter().fetch_catalog(harbour)
    assert "WATER-V" in menu.items
    assert menu.modifier_groups["LATTE#variation"].item_ids == ["LATTE-S"]  # and the latte keeps its id


def test_an_item_of_which_nothing_can_be_chosen_is_left_out(square: FakeSquare, harbour: Store) -> None:
    square.sell_out("RARE")
    square.sell_out("MEDIUM")
    menu = SquareAdapter().fetch_catalog(harbour)
    assert "BURGER-V" not in menu.items
    assert "BACON" not in menu.items  # nobody refers to it any more
    assert "BURGERS" not in menu.sections


@pytest.mark.parametrize(
    "unsold",
    [
        item("X", variation("X-V", None)),
        item("X", variation("X-V", 100, sellable=False)),
        item("X", variation("X-V", 100), is_archived=True),
        item("X", variation("X-V", 100), product_type="GIFT_CARD"),
        {**item("X", variation("X-V", 100)), "is_deleted": True},
        {**item("X", variation("X-V", 100)), "present_at_all_locations": False},
        {**item("X", variation("X-V", 100)), "absent_at_location_ids": [LOCATION]},
        item("X", {**variation("X-V", 100), "present_at_all_locations": False}),
    ],
)
def test_what_is_not_sold_here_is_left_out(square: FakeSquare, harbour: Store, unsold: dict[str, Any]) -> None:
    square.put(unsold)
    assert "X-V" not in SquareAdapter().fetch_catalog(harbour).items


def test_hidden_disabled_and_textual_modifiers_are_left_out(square: FakeSquare, harbour: Store) -> None:
    square.put(
        modifier_list("SEEN", modifier("A", 1), modifier("B", 2, hidden_online=True)),
        modifier_list("OFF", modifier("C", 1)),
        {"type": "MODIFIER_LIST", "id": "TEXT", "modifier_list_data": {"name": "Text", "modifier_type": "TEXT"}},
        item(
            "DISH",
            variation("DISH-V", 100),
            modifier_list_info=[
                info("SEEN"),
                {"modifier_list_id": "OFF", "enabled": False},
                info("TEXT"),
                info("LOST"),
            ],
        ),
    )
    menu = SquareAdapter().fetch_catalog(harbour)
    assert menu.items["DISH-V"].modifier_group_ids == ["SEEN"]
    assert menu.modifier_groups["SEEN"].item_ids == ["A"]


def test_a_catalog_of_many_pages_is_read_to_its_end(square: FakeSquare, harbour: Store) -> None:
    square.page = 2
    assert {"BURGER-V", "LATTE", "WATER-V"} <= set(SquareAdapter().fetch_catalog(harbour).items)


def test_without_business_hours_the_menu_is_always_open(menu: CatalogSet) -> None:
    assert len(menu.catalogs["menu"].availability or ()) == 7


def test_business_hours_become_windows_those_over_midnight_two(square: FakeSquare, harbour: Store) -> None:
    square.location["business_hours"] = {
        "periods": [
            {"day_of_week": "MON", "start_local_time": "8:30:00", "end_local_time": "17:00:00"},
            {"day_of_week": "SAT", "start_local_time": "18:00:00", "end_local_time": "02:00:00"},
            {"day_of_week": "SUN", "start_local_time": "18:00:00", "end_local_time": "24:00:00"},
        ]
    }
    windows = SquareAdapter().fetch_catalog(harbour).catalogs["menu"].availability or []
    assert [(w.day_of_week, w.start.isoformat(), w.end.isoformat()) for w in windows] == [
        (DayOfWeek.MONDAY, "08:30:00", "17:00:00"),
        (DayOfWeek.SATURDAY, "18:00:00", "00:00:00"),
        (DayOfWeek.SUNDAY, "00:00:00", "02:00:00"),
        (DayOfWeek.SUNDAY, "18:00:00", "00:00:00"),
    ]
