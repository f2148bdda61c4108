"""Square's catalog becomes a CatalogSet that Gett accepts and customers can order from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fake_square import FakeSquare
from tests.square_messages import LOCATION
from tests.square_seller import category, info, item, make_store, modifier, modifier_list, variation
from webhook_kit import CatalogSet, CompiledCatalog, ConfigurationError, DayOfWeek, Store, check_catalog
from webhook_kit_square import SquareAdapter
from webhook_kit_square.config import PERMISSIONS


@pytest.fixture
def catalog(adapter: SquareAdapter, store: Store) -> CatalogSet:
    return adapter.fetch_catalog(store)


def test_carts_can_be_checked_against_the_catalog(catalog: CatalogSet) -> None:
    CompiledCatalog.compile(catalog)  # raises for a catalog that contradicts itself


def test_the_catalog_keeps_every_rule(catalog: CatalogSet) -> None:
    assert check_catalog(catalog) == []


def test_an_item_with_one_variation_has_its_id_and_price(catalog: CatalogSet) -> None:
    burger = catalog.items["BURGER-V"]
    assert (burger.name, burger.base_price) == ("Burger", Decimal("9.95"))
    assert burger.image_url == "https://images.example/burger.jpg"
    assert burger.modifier_group_ids == ["DONENESS", "EXTRAS@BURGER"]


def test_an_item_with_several_variations_has_a_required_group(catalog: CatalogSet) -> None:
    latte, group = catalog.items["LATTE"], catalog.modifier_groups["LATTE#variation"]
    assert (latte.base_price, latte.starting_at) == (Decimal("0.00"), Decimal("3.50"))
    assert latte.modifier_group_ids == ["LATTE#variation", "SYRUPS@LATTE"]
    assert (group.item_ids, group.minimum_allowed, group.maximum_allowed) == (["LATTE-S", "LATTE-L"], 1, 1)
    assert (catalog.items["LATTE-L"].name, catalog.items["LATTE-L"].base_price) == ("Large", Decimal("4.50"))


def test_categories_nest_and_other_items_have_a_section(square: FakeSquare, store: Store) -> None:
    square.put(item("MUG", variation("MUG-V", 900), category=None), category("EMPTY"))
    square.put(category("KITCHEN", category_type="KITCHEN_CATEGORY"))
    square.put(item("SOUP", variation("SOUP-V", 500), category="KITCHEN"))
    catalog = SquareAdapter().fetch_catalog(store)
    (only,) = catalog.catalogs.values()
    assert only.section_ids == ["DRINKS", "FOOD", "other-items"]
    assert (catalog.sections["FOOD"].item_ids, catalog.sections["FOOD"].section_ids) == ([], ["BURGERS"])
    assert catalog.sections["BURGERS"].item_ids == ["BURGER-V"]
    assert catalog.sections["other-items"].item_ids == ["MUG-V", "SOUP-V"]
    assert "EMPTY" not in catalog.sections


@pytest.mark.parametrize(
    ("of_item", "of_list", "expected"),
    [
        ({"min_selected_modifiers": -1, "max_selected_modifiers": -1}, {"min_selected_modifiers": 1, "max_selected_modifiers": 2}, ("LIST", 1, 2)),
        ({}, {"min_selected_modifiers": 1, "max_selected_modifiers": 2}, ("LIST", 1, 2)),
        ({}, {"min_selected_modifiers": -1, "max_selected_modifiers": -1}, ("LIST", 0, 3)),
        ({}, {"selection_type": "SINGLE"}, ("LIST", 0, 1)),
        ({}, {"selection_type": "MULTIPLE"}, ("LIST", 0, 3)),
        ({"min_selected_modifiers": 0, "max_selected_modifiers": 0}, {"min_selected_modifiers": 2, "max_selected_modifiers": 2}, ("LIST@ITEM", 0, 3)),
        ({"min_selected_modifiers": -1, "max_selected_modifiers": 2}, {"min_selected_modifiers": 1}, ("LIST@ITEM", 0, 2)),
        ({"min_selected_modifiers": -7, "max_selected_modifiers": -7}, {"max_selected_modifiers": 1}, ("LIST@ITEM", 0, 3)),
        ({}, {"max_selected_modifiers": 9}, ("LIST", 0, 3)),
        ({}, {"max_selected_modifiers": 0, "allow_quantities": True}, ("LIST", 0, 99)),
        ({"allow_quantities": "NO"}, {"max_selected_modifiers": 0, "allow_quantities": True}, ("LIST@ITEM", 0, 3)),
        ({"allow_quantities": "NOT_SET"}, {"max_selected_modifiers": 5, "allow_quantities": True}, ("LIST", 0, 5)),
    ],
)  # fmt: skip
def test_an_item_inherits_a_lists_bounds_unless_it_sets_its_own(
    square: FakeSquare, store: Store, of_item: dict[str, Any], of_list: dict[str, Any], expected: tuple[str, int, int]
) -> None:
    square.put(modifier_list("LIST", modifier("A", 1), modifier("B", 2), modifier("C", 3), **of_list))
    square.put(item("ITEM", variation("ITEM-V", 100), modifier_list_info=[info("LIST", **of_item)]))
    catalog = SquareAdapter().fetch_catalog(store)
    (group_id,) = catalog.items["ITEM-V"].modifier_group_ids
    group = catalog.modifier_groups[group_id]
    assert (group_id, group.minimum_allowed, group.maximum_allowed) == expected


def test_default_modifiers_are_default_items(catalog: CatalogSet) -> None:
    assert [default.item_id for default in catalog.modifier_groups["DONENESS"].default_items or []] == ["MEDIUM"]


def test_a_modifier_has_its_price_at_this_location(square: FakeSquare, store: Store) -> None:
    square.sellable("BACON")["location_overrides"] = [
        {"location_id": "LELSEWHERE", "price_money": {"amount": 1, "currency": "USD"}},
        {"location_id": LOCATION, "price_money": {"amount": 0, "currency": "USD"}},
    ]
    assert SquareAdapter().fetch_catalog(store).items["BACON"].base_price == Decimal("0.00")


@pytest.mark.parametrize("item_id", ["WATER-V", "BACON"])
def test_an_unavailable_item_is_not_in_the_catalog(square: FakeSquare, store: Store, item_id: str) -> None:
    assert item_id in SquareAdapter().fetch_catalog(store).items
    square.sell_out(item_id)
    assert item_id not in SquareAdapter().fetch_catalog(store).items


def test_an_item_sold_out_elsewhere_or_in_the_past_is_in_the_catalog(square: FakeSquare, store: Store) -> None:
    past, future = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    square.sellable("WATER-V")["location_overrides"] = [{"location_id": "LELSEWHERE", "sold_out": True}]
    square.sellable("LATTE-S")["location_overrides"] = [
        {"location_id": LOCATION, "sold_out": True, "sold_out_valid_until": past.isoformat().replace("+00:00", "Z")}
    ]
    square.sellable("LATTE-L")["location_overrides"] = [
        {"location_id": LOCATION, "sold_out": True, "sold_out_valid_until": future.isoformat()}
    ]
    catalog = SquareAdapter().fetch_catalog(store)
    assert "WATER-V" in catalog.items
    assert catalog.modifier_groups["LATTE#variation"].item_ids == ["LATTE-S"]  # the latte keeps its id


def test_an_item_without_an_option_in_a_required_group_is_left_out(square: FakeSquare, store: Store) -> None:
    square.sell_out("RARE")
    square.sell_out("MEDIUM")
    catalog = SquareAdapter().fetch_catalog(store)
    assert "BURGER-V" not in catalog.items
    assert "BACON" not in catalog.items  # nothing refers to it any more
    assert "BURGERS" not in catalog.sections


@pytest.mark.parametrize(
    "excluded",
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
def test_an_item_that_is_not_sold_here_is_left_out(square: FakeSquare, store: Store, excluded: dict[str, Any]) -> None:
    square.put(excluded)
    assert "X-V" not in SquareAdapter().fetch_catalog(store).items


def test_hidden_disabled_and_text_modifiers_are_left_out(square: FakeSquare, store: Store) -> None:
    square.put(
        modifier_list("SEEN", modifier("A", 1), modifier("B", 2, hidden_online=True)),
        modifier_list("OFF", modifier("C", 1)),
        {"type": "MODIFIER_LIST", "id": "TEXT", "modifier_list_data": {"name": "Text", "modifier_type": "TEXT"}},
        item(
            "ITEM",
            variation("ITEM-V", 100),
            modifier_list_info=[
                info("SEEN"),
                {"modifier_list_id": "OFF", "enabled": False},
                info("TEXT"),
                info("MISSING"),
            ],
        ),
    )
    catalog = SquareAdapter().fetch_catalog(store)
    assert catalog.items["ITEM-V"].modifier_group_ids == ["SEEN"]
    assert catalog.modifier_groups["SEEN"].item_ids == ["A"]


def test_a_catalog_of_many_pages_is_read_completely(square: FakeSquare, store: Store) -> None:
    square.page = 2
    assert {"BURGER-V", "LATTE", "WATER-V"} <= set(SquareAdapter().fetch_catalog(store).items)


def test_without_business_hours_the_catalog_is_always_open(catalog: CatalogSet) -> None:
    assert len(catalog.catalogs["main"].availability or ()) == 7


def test_business_hours_become_windows_and_past_midnight_two(square: FakeSquare, store: Store) -> None:
    square.location["business_hours"] = {
        "periods": [
            {"day_of_week": "MON", "start_local_time": "8:30:00", "end_local_time": "17:00:00"},
            {"day_of_week": "SAT", "start_local_time": "18:00:00", "end_local_time": "02:00:00"},
            {"day_of_week": "SUN", "start_local_time": "18:00:00", "end_local_time": "24:00:00"},
        ]
    }
    windows = SquareAdapter().fetch_catalog(store).catalogs["main"].availability or []
    assert [(each.day_of_week, each.start.isoformat(), each.end.isoformat()) for each in windows] == [
        (DayOfWeek.MONDAY, "08:30:00", "17:00:00"),
        (DayOfWeek.SATURDAY, "18:00:00", "00:00:00"),
        (DayOfWeek.SUNDAY, "00:00:00", "02:00:00"),
        (DayOfWeek.SUNDAY, "18:00:00", "00:00:00"),
    ]


def test_prices_in_another_currency_are_left_out(square: FakeSquare, store: Store) -> None:
    """A seller's catalog can serve locations in several countries."""
    square.sellable("WATER-V")["price_money"]["currency"] = "CAD"
    square.sellable("BACON")["price_money"]["currency"] = "CAD"
    catalog = SquareAdapter().fetch_catalog(store)
    assert {"WATER-V", "BACON"}.isdisjoint(catalog.items)
    assert {"BURGER-V", "CHEESE"} <= catalog.items.keys()


def test_an_item_that_requires_a_text_is_left_out(square: FakeSquare, store: Store) -> None:
    text = {"type": "MODIFIER_LIST", "id": "TEXT", "modifier_list_data": {"name": "Name", "modifier_type": "TEXT"}}
    square.put(text, item("CAKE", variation("CAKE-V", 2000), modifier_list_info=[info("TEXT")]))
    assert "CAKE-V" in SquareAdapter().fetch_catalog(store).items
    text["modifier_list_data"]["text_required"] = True  # type: ignore[index]
    assert "CAKE-V" not in SquareAdapter().fetch_catalog(store).items


def test_items_and_variations_with_one_name_are_told_apart(square: FakeSquare, store: Store) -> None:
    square.put(
        item("COLA1", variation("COLA-S", 250, "0.3 l"), name="Cola"),
        item("COLA2", variation("COLA-L", 350, "0.5 l"), name="Cola"),
        item("TEA", variation("TEA-S", 200, "Pot", ordinal=2), variation("TEA-L", 300, "Pot", ordinal=1)),
        item("JUICE", variation("JUICE-S", 200, "", sku="J-S"), variation("JUICE-L", 300, "", sku="J-L")),
    )
    names = {key: each.name for key, each in SquareAdapter().fetch_catalog(store).items.items()}
    assert (names["COLA-S"], names["COLA-L"], names["WATER-V"]) == ("Cola (0.3 l)", "Cola (0.5 l)", "Water")
    assert (names["TEA-L"], names["TEA-S"]) == ("Pot", "Pot (2)")
    assert (names["JUICE-S"], names["JUICE-L"]) == ("J-S", "J-L")


def test_a_currency_with_three_decimals_is_refused() -> None:
    with (
        FakeSquare("KWD") as square,
        pytest.raises(ConfigurationError, match="LMAIN sells in KWD, which has more than two decimals"),
    ):
        SquareAdapter().fetch_catalog(make_store(square))


def test_missing_permissions_are_named(square: FakeSquare, store: Store) -> None:
    square.scopes = list(PERMISSIONS)
    SquareAdapter().fetch_catalog(store)
    square.scopes = ["ITEMS_READ", "MERCHANT_PROFILE_READ", "ORDERS_READ"]
    with pytest.raises(ConfigurationError, match="token lacks the permissions ORDERS_WRITE, PAYMENTS_WRITE"):
        SquareAdapter().fetch_catalog(store)


@pytest.mark.parametrize("token", ["ключ", "two words", "line\nbreak"])
def test_a_token_that_no_header_can_carry_is_refused(token: str, square: FakeSquare, store: Store) -> None:
    wrong = replace(store, credentials={"token": token})
    with pytest.raises(ConfigurationError, match=r"credentials\.token"):
        SquareAdapter().fetch_catalog(wrong)
    assert square.calls == []
