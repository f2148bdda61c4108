"""What of Odoo's menu reaches Gett, and what must not."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

import pytest

from tests.restaurant import Restaurant
from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.hours import always_open
from webhook_kit.errors import CatalogInvalid, ConfigurationError
from webhook_kit.gett.models.catalog import AvailabilityWindow, DayOfWeek, ExternalItem, ExternalModifierGroup
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.shop import narrowed


def named(menu: CatalogSet, name: str) -> ExternalItem:
    """The dish of that name."""
    listed = {item for section in menu.sections.values() for item in section.item_ids}
    (found,) = (item for key, item in menu.items.items() if item.name == name and key in listed)
    return found


def groups(menu: CatalogSet, item: ExternalItem) -> list[ExternalModifierGroup]:
    return [menu.modifier_groups[key] for key in item.modifier_group_ids]


def options(menu: CatalogSet, group: ExternalModifierGroup) -> dict[str, Decimal]:
    return {menu.items[key].name: menu.items[key].base_price for key in group.item_ids}


@pytest.fixture
def menu(adapter: OdooAdapter, store: Store) -> CatalogSet:
    return adapter.fetch_catalog(store)


def test_a_product_is_an_item_under_its_category(menu: CatalogSet) -> None:
    burger = named(menu, "Bacon Burger")
    assert (burger.base_price, (burger.description or "")[:21]) == (Decimal("15.50"), "200G Irish Black Angu")
    (heading,) = (section.name for section in menu.sections.values() if burger.item_id in section.item_ids)
    assert heading == "Food"


def test_an_attribute_with_one_answer_is_a_choice_of_exactly_one(menu: CatalogSet) -> None:
    (sides,) = groups(menu, named(menu, "Bacon Burger"))
    assert (sides.name, sides.minimum_allowed, sides.maximum_allowed) == ("Sides", 1, 1)
    assert len(options(menu, sides)) == 5


def test_an_attribute_with_many_answers_is_a_choice_of_none_to_all_at_their_own_prices(menu: CatalogSet) -> None:
    (extras,) = groups(menu, named(menu, "Pizza Margherita"))
    assert (extras.minimum_allowed, extras.maximum_allowed, extras.enable_duplicate_items) == (0, 5, False)
    assert options(menu, extras)["Pepperoni"] == Decimal("3.00")


def test_variants_are_options_of_one_item(menu: CatalogSet) -> None:
    lemonade = named(menu, "Lemonade")
    (size,) = groups(menu, lemonade)
    assert lemonade.base_price == Decimal("3.00")
    assert options(menu, size) == {"Small": Decimal("0.00"), "Large": Decimal("1.25")}


def test_a_combo_is_a_group_whose_options_have_groups_of_their_own(menu: CatalogSet) -> None:
    burgers, drinks = groups(menu, named(menu, "Burger Menu Combo"))
    assert (burgers.name, burgers.minimum_allowed, burgers.maximum_allowed) == ("Burgers", 1, 1)
    cheese = next(menu.items[key] for key in burgers.item_ids if menu.items[key].name == "Cheese Burger")
    assert cheese.base_price == 0
    assert cheese.modifier_group_ids == named(menu, "Cheese Burger").modifier_group_ids
    assert drinks.minimum_allowed == 1


def test_what_goes_beyond_a_combos_price_is_a_group_of_its_own_at_its_full_price(menu: CatalogSet) -> None:
    sushi, more, _ = groups(menu, named(menu, "Sushi Lunch Combo"))
    assert (sushi.minimum_allowed, sushi.maximum_allowed) == (2, 2)
    assert (more.name, more.minimum_allowed, more.maximum_allowed) == ("More Sushi", 0, 2)
    assert more.enable_duplicate_items
    included, beyond = options(menu, sushi), options(menu, more)
    assert {beyond[name] - included[name] for name in included} == {Decimal("9.25")}


def test_the_tip_is_no_dish(menu: CatalogSet) -> None:
    assert "Tips" not in {item.name for item in menu.items.values()}


def test_a_product_that_ran_out_is_not_on_the_menu_and_neither_is_a_combo_without_it(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    for name in ("Cheese Burger", "Bacon Burger"):
        restaurant.sell_out(restaurant.item(name))
    names = {item.name for item in adapter.fetch_catalog(store).items.values()}
    assert names.isdisjoint({"Cheese Burger", "Bacon Burger", "Burger Menu Combo"})
    assert "Sushi Lunch Combo" in names


def test_a_value_that_ran_out_is_no_option_and_the_last_one_takes_the_dish_along(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, menu: CatalogSet
) -> None:
    (sides,) = groups(menu, named(menu, "Bacon Burger"))
    first, *others = sides.item_ids
    restaurant.sell_out(first)
    (left,) = groups(menu, named(adapter.fetch_catalog(store), "Bacon Burger"))
    now = adapter.fetch_catalog(store)
    assert now.modifier_groups[left.modifier_group_id].item_ids == others
    for each in others:
        restaurant.sell_out(each)
    assert restaurant.item("Bacon Burger") not in adapter.fetch_catalog(store).items


def test_a_point_of_sale_sells_its_own_categories_alone(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    drinks = restaurant.id_of("pos.category", "Drinks")
    restaurant.server.write(
        "pos.config", restaurant.config, limit_categories=True, iface_available_categ_ids=[[6, 0, [drinks]]]
    )
    menu = adapter.fetch_catalog(store)
    assert [section.name for section in menu.sections.values()] == ["Drinks"]
    assert restaurant.item("Pizza Margherita") not in menu.items


def test_categories_nest(restaurant: Restaurant, adapter: OdooAdapter, store: Store) -> None:
    restaurant.server.write("pos.config", restaurant.config, limit_categories=False)
    food = restaurant.id_of("pos.category", "Food")
    (pizza,) = restaurant.api.call("pos.category", "create", vals_list=[{"name": "Pizza", "parent_id": food}])
    number = restaurant.id_of("product.template", "Pizza Margherita")
    restaurant.server.write("product.template", number, pos_categ_ids=[[6, 0, [pizza]]])
    menu = adapter.fetch_catalog(store)
    (catalog,) = menu.catalogs.values()
    assert f"pos.category,{pizza}" in menu.sections[f"pos.category,{food}"].section_ids
    assert f"pos.category,{pizza}" not in catalog.section_ids


def test_a_category_with_hours_is_a_catalog_with_hours(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    drinks = restaurant.id_of("pos.category", "Drinks")
    restaurant.server.write("pos.category", drinks, hour_after=7.5, hour_until=11)
    menu = adapter.fetch_catalog(store)
    assert [catalog.name for catalog in menu.catalogs.values()] == ["Restaurant", "Restaurant 07:30–11:00"]
    whole, morning = menu.catalogs.values()
    assert whole.availability == always_open()
    assert {(w.start, w.end) for w in morning.availability or []} == {(time(7, 30), time(11))}
    assert morning.section_ids == [f"pos.category,{drinks}"]


def test_the_hours_of_the_presets_are_the_stores(restaurant: Restaurant, adapter: OdooAdapter) -> None:
    restaurant.hours("Takeout", {"0": [(11, 14), (17.5, 24)]})
    menu = adapter.fetch_catalog(restaurant.store(presets={"Pickup": "Takeout"}))
    (catalog,) = menu.catalogs.values()
    assert [(w.day_of_week, w.start, w.end) for w in catalog.availability or []] == [
        (DayOfWeek.MONDAY, time(11), time(14)),
        (DayOfWeek.MONDAY, time(17, 30), time(0)),
    ]


def test_a_pricelist_is_refused_with_the_place_where_it_is(restaurant: Restaurant, adapter: OdooAdapter) -> None:
    (pricelist,) = restaurant.api.call("product.pricelist", "create", vals_list=[{"name": "Aggregators"}])
    restaurant.server.write("pos.preset", restaurant.id_of("pos.preset", "Takeout"), pricelist_id=pricelist)
    with pytest.raises(CatalogInvalid, match="preset 'Takeout' has a pricelist"):
        adapter.fetch_catalog(restaurant.store())


def test_a_point_of_sale_that_is_not_there_is_named(restaurant: Restaurant, adapter: OdooAdapter) -> None:
    with pytest.raises(ConfigurationError, match="no point of sale 4711"):
        adapter.fetch_catalog(restaurant.store(point_of_sale=4711))


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        (time(0), time(0), (time(9), time(0))),
        (time(10), time(12), (time(10), time(12))),
        (time(6), time(9), None),
        (time(22), time(0), (time(22), time(0))),
        (time(0), time(23), (time(9), time(23))),
    ],
)
def test_hours_are_narrowed_to_a_part_of_the_day(start: time, end: time, left: tuple[time, time] | None) -> None:
    window = AvailabilityWindow(day_of_week=DayOfWeek.FRIDAY, start=time(9), end=time(0))
    assert [(w.start, w.end) for w in narrowed([window], start, end)] == ([left] if left else [])
