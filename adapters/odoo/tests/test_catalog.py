"""Conversion of Odoo's products to a CatalogSet."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

import pytest

from tests.odoo_pos import OdooPos
from webhook_kit import (
    AvailabilityWindow,
    CatalogInvalid,
    CatalogSet,
    ConfigurationError,
    DayOfWeek,
    Item,
    ModifierGroup,
    Store,
    always_open,
)
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.point_of_sale import intersection


def named(catalog: CatalogSet, name: str) -> Item:
    """Return the item with this name in a section."""
    listed = {item for section in catalog.sections.values() for item in section.item_ids}
    (match,) = (item for key, item in catalog.items.items() if item.name == name and key in listed)
    return match


def groups(catalog: CatalogSet, item: Item) -> list[ModifierGroup]:
    return [catalog.modifier_groups[key] for key in item.modifier_group_ids]


def options(catalog: CatalogSet, group: ModifierGroup) -> dict[str, Decimal]:
    return {catalog.items[key].name: catalog.items[key].base_price for key in group.item_ids}


@pytest.fixture
def catalog(adapter: OdooAdapter, store: Store) -> CatalogSet:
    return adapter.fetch_catalog(store)


def test_a_product_is_an_item_under_its_category(catalog: CatalogSet) -> None:
    burger = named(catalog, "Bacon Burger")
    assert (burger.base_price, (burger.description or "")[:21]) == (Decimal("15.50"), "200G Irish Black Angu")
    (heading,) = (section.name for section in catalog.sections.values() if burger.item_id in section.item_ids)
    assert heading == "Food"


def test_a_radio_attribute_is_a_group_of_exactly_one(catalog: CatalogSet) -> None:
    (sides,) = groups(catalog, named(catalog, "Bacon Burger"))
    assert (sides.name, sides.minimum_allowed, sides.maximum_allowed) == ("Sides", 1, 1)
    assert len(options(catalog, sides)) == 5


def test_a_multi_attribute_is_an_optional_group_with_prices(catalog: CatalogSet) -> None:
    (extras,) = groups(catalog, named(catalog, "Pizza Margherita"))
    assert (extras.minimum_allowed, extras.maximum_allowed, extras.enable_duplicate_items) == (0, 5, False)
    assert options(catalog, extras)["Pepperoni"] == Decimal("3.00")


def test_variants_are_options_of_one_item(catalog: CatalogSet) -> None:
    lemonade = named(catalog, "Lemonade")
    (size,) = groups(catalog, lemonade)
    assert lemonade.base_price == Decimal("3.00")
    assert options(catalog, size) == {"Small": Decimal("0.00"), "Large": Decimal("1.25")}


def test_a_combo_is_a_group_with_nested_groups(catalog: CatalogSet) -> None:
    burgers, drinks = groups(catalog, named(catalog, "Burger Menu Combo"))
    assert (burgers.name, burgers.minimum_allowed, burgers.maximum_allowed) == ("Burgers", 1, 1)
    cheese = next(catalog.items[key] for key in burgers.item_ids if catalog.items[key].name == "Cheese Burger")
    assert cheese.base_price == 0
    assert cheese.modifier_group_ids == named(catalog, "Cheese Burger").modifier_group_ids
    assert drinks.minimum_allowed == 1


def test_extra_pieces_of_a_combo_are_a_separate_group_at_full_price(catalog: CatalogSet) -> None:
    sushi, more, _ = groups(catalog, named(catalog, "Sushi Lunch Combo"))
    assert (sushi.minimum_allowed, sushi.maximum_allowed) == (2, 2)
    assert (more.name, more.minimum_allowed, more.maximum_allowed) == ("More Sushi", 0, 2)
    assert more.enable_duplicate_items
    included, extra = options(catalog, sushi), options(catalog, more)
    assert {extra[name] - included[name] for name in included} == {Decimal("9.25")}


def test_the_tip_is_not_an_item(catalog: CatalogSet) -> None:
    assert "Tips" not in {item.name for item in catalog.items.values()}


def test_unavailable_products_and_combos_without_them_are_left_out(
    pos: OdooPos, adapter: OdooAdapter, store: Store
) -> None:
    for name in ("Cheese Burger", "Bacon Burger"):
        pos.sell_out(pos.item(name))
    names = {item.name for item in adapter.fetch_catalog(store).items.values()}
    assert names.isdisjoint({"Cheese Burger", "Bacon Burger", "Burger Menu Combo"})
    assert "Sushi Lunch Combo" in names


def test_without_its_last_value_an_item_is_left_out(
    pos: OdooPos, adapter: OdooAdapter, store: Store, catalog: CatalogSet
) -> None:
    (sides,) = groups(catalog, named(catalog, "Bacon Burger"))
    first, *others = sides.item_ids
    pos.sell_out(first)
    (remaining,) = groups(catalog, named(adapter.fetch_catalog(store), "Bacon Burger"))
    current = adapter.fetch_catalog(store)
    assert current.modifier_groups[remaining.modifier_group_id].item_ids == others
    for each in others:
        pos.sell_out(each)
    assert pos.item("Bacon Burger") not in adapter.fetch_catalog(store).items


def test_only_the_categories_of_the_point_of_sale_are_included(
    pos: OdooPos, adapter: OdooAdapter, store: Store
) -> None:
    drinks = pos.id_of("pos.category", "Drinks")
    pos.server.write("pos.config", pos.config, limit_categories=True, iface_available_categ_ids=[[6, 0, [drinks]]])
    catalog = adapter.fetch_catalog(store)
    assert [section.name for section in catalog.sections.values()] == ["Drinks"]
    assert pos.item("Pizza Margherita") not in catalog.items


def test_categories_nest(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    pos.server.write("pos.config", pos.config, limit_categories=False)
    food = pos.id_of("pos.category", "Food")
    (pizza,) = pos.api.call("pos.category", "create", vals_list=[{"name": "Pizza", "parent_id": food}])
    number = pos.id_of("product.template", "Pizza Margherita")
    pos.server.write("product.template", number, pos_categ_ids=[[6, 0, [pizza]]])
    catalog = adapter.fetch_catalog(store)
    (only,) = catalog.catalogs.values()
    assert f"pos.category,{pizza}" in catalog.sections[f"pos.category,{food}"].section_ids
    assert f"pos.category,{pizza}" not in only.section_ids


def test_a_category_with_hours_is_a_catalog_with_hours(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    drinks = pos.id_of("pos.category", "Drinks")
    pos.server.write("pos.category", drinks, hour_after=7.5, hour_until=11)
    catalog = adapter.fetch_catalog(store)
    assert [each.name for each in catalog.catalogs.values()] == ["Restaurant", "Restaurant 07:30–11:00"]
    whole, morning = catalog.catalogs.values()
    assert whole.availability == always_open()
    assert {(each.start, each.end) for each in morning.availability or []} == {(time(7, 30), time(11))}
    assert morning.section_ids == [f"pos.category,{drinks}"]


def test_the_hours_of_the_presets_are_the_opening_hours(pos: OdooPos, adapter: OdooAdapter) -> None:
    pos.hours("Takeout", {"0": [(11, 14), (17.5, 24)]})
    catalog = adapter.fetch_catalog(pos.store(presets={"Pickup": "Takeout"}))
    (only,) = catalog.catalogs.values()
    assert [(each.day_of_week, each.start, each.end) for each in only.availability or []] == [
        (DayOfWeek.MONDAY, time(11), time(14)),
        (DayOfWeek.MONDAY, time(17, 30), time(0)),
    ]


def test_a_pricelist_is_refused_with_its_preset(pos: OdooPos, adapter: OdooAdapter) -> None:
    (pricelist,) = pos.api.call("product.pricelist", "create", vals_list=[{"name": "Aggregators"}])
    pos.server.write("pos.preset", pos.id_of("pos.preset", "Takeout"), pricelist_id=pricelist)
    with pytest.raises(CatalogInvalid, match="preset 'Takeout' has a pricelist"):
        adapter.fetch_catalog(pos.store())


def test_an_unknown_point_of_sale_is_an_error(pos: OdooPos, adapter: OdooAdapter) -> None:
    with pytest.raises(ConfigurationError, match="no point of sale 4711"):
        adapter.fetch_catalog(pos.store(point_of_sale=4711))


@pytest.mark.parametrize(
    ("start", "end", "part"),
    [
        (time(0), time(0), (time(9), time(0))),
        (time(10), time(12), (time(10), time(12))),
        (time(6), time(9), None),
        (time(22), time(0), (time(22), time(0))),
        (time(0), time(23), (time(9), time(23))),
    ],
)
def test_windows_are_limited_to_a_part_of_the_day(start: time, end: time, part: tuple[time, time] | None) -> None:
    window = AvailabilityWindow(day_of_week=DayOfWeek.FRIDAY, start=time(9), end=time(0))
    assert [(each.start, each.end) for each in intersection([window], start, end)] == ([part] if part else [])
