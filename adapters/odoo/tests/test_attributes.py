"""Attributes, variants and combos: names, surcharges and combinations are the till's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.odoo_attributes import Products
from tests.odoo_pos import OdooPos, order_of, place
from webhook_kit import Amounts, Order, Reason, Refused, Store
from webhook_kit_odoo.adapter import OdooAdapter

SIZES = {"name": "Size of it", "create_variant": "always", "values": {"Small one": 0, "Large one": 1.25}}
MILK = {"name": "Milk", "values": {"Cow": 0, "Oat": 0.5}}


@pytest.fixture
def products(pos: OdooPos) -> Products:
    return Products(pos)


def subtotal(adapter: OdooAdapter, store: Store, order: Order) -> Decimal | None:
    quote = adapter.quote(store, order)
    assert isinstance(quote, Amounts), quote
    return quote.sub_total


def test_sizes_in_a_combo_have_their_names(products: Products, adapter: OdooAdapter, store: Store) -> None:
    tea = products.product("Iced tea", 3, [SIZES])
    combo = products.combo("Tea time", 5, [each["id"] for each in products.variants(tea)])
    catalog = adapter.fetch_catalog(store)
    (group,) = catalog.items[f"product.template,{combo}"].modifier_group_ids
    options = catalog.modifier_groups[group].item_ids
    assert [catalog.items[each].name for each in options] == ["Iced tea (Small one)", "Iced tea (Large one)"]
    selected = {"modifierGroupId": group, "selectedModifiers": [{"itemId": options[1], "quantity": 1}]}
    line = {"itemId": f"product.template,{combo}", "quantity": 1, "modifierGroups": [selected]}
    place(adapter, store, order_of(line))
    (ticket,) = products.pos.orders()
    assert [each["full_product_name"] for each in products.pos.lines(ticket)] == ["Tea time", "Iced tea (Large one)"]


def test_a_variant_in_a_combo_is_charged_for_if_the_till_asks_for_values(
    products: Products, adapter: OdooAdapter, store: Store
) -> None:
    """The till adds the surcharges of all values of a piece for which it asks for values, those of the variant as well."""
    latte = products.product("Latte", 3, [SIZES, MILK])
    combo = products.combo("Breakfast", 5, [each["id"] for each in products.variants(latte)])
    catalog = adapter.fetch_catalog(store)
    (group,) = catalog.items[f"product.template,{combo}"].modifier_group_ids
    small, large = catalog.modifier_groups[group].item_ids
    assert [catalog.items[each].base_price for each in (small, large)] == [0, Decimal("1.25")]
    piece = {"itemId": large, "quantity": 1, "modifierGroups": [products.selection("Oat")]}
    selected = {"modifierGroupId": group, "selectedModifiers": [piece]}
    line = {"itemId": f"product.template,{combo}", "quantity": 1, "modifierGroups": [selected]}
    order = order_of(line)
    assert subtotal(adapter, store, order) == Decimal("6.75")
    place(adapter, store, order)
    (ticket,) = products.pos.orders()
    _, drink = products.pos.lines(ticket)
    assert (drink["price_unit"], drink["full_product_name"]) == (Decimal("6.75"), "Latte (Large one, Oat)")


def test_a_changed_quantity_keeps_the_surcharge(products: Products, adapter: OdooAdapter, store: Store) -> None:
    """The till computes a changed line again, from the variant's price and ``price_extra``."""
    latte = products.product("Latte", 3, [SIZES, MILK])
    place(adapter, store, order_of(products.order(latte, ["Large one", "Oat"]), amounts={"tip": 1}))
    (ticket,) = products.pos.orders()
    line, tip = products.pos.lines(ticket)
    variant = products.api.rows("product.product", [("id", "=", line["product_id"])], ["lst_price"])[0]
    assert (line["price_unit"], line["price_extra"]) == (Decimal("4.75"), Decimal("0.50"))
    assert variant["lst_price"] + line["price_extra"] == line["price_unit"]
    assert (line["price_type"], tip["price_type"]) == ("original", "manual")


def test_a_single_value_is_charged_for_only_if_the_till_asks(
    products: Products, adapter: OdooAdapter, store: Store
) -> None:
    bag = {"name": "Bag", "values": {"Paper": 0.2}}
    cup = {"name": "Cup", "create_variant": "always", "values": {"Glass": 0.3}}
    soup = products.product("Soup", 4, [bag])
    stew = products.product("Stew", 4, [{**bag, "name": "Another bag"}, MILK])
    beer = products.product("Beer", 4, [cup])
    catalog = adapter.fetch_catalog(store)
    prices = [catalog.items[f"product.template,{each}"].base_price for each in (soup, stew, beer)]
    assert prices == [Decimal("4.00"), Decimal("4.20"), Decimal("4.30")]
    place(adapter, store, order_of(products.order(soup), products.order(stew, ["Oat"]), products.order(beer)))
    (ticket,) = products.pos.orders()
    assert [(line["price_unit"], line["price_extra"]) for line in products.pos.lines(ticket)] == [
        (Decimal("4.00"), 0),
        (Decimal("4.70"), Decimal("0.70")),
        (Decimal("4.30"), 0),
    ]


def test_the_last_available_value_is_not_charged_for(products: Products, adapter: OdooAdapter, store: Store) -> None:
    """The till does not ask for values of which only one is left."""
    latte = products.product("Latte", 3, [MILK])
    products.pos.sell_out(f"product.template.attribute.value,{products.values['Cow']}")
    option = f"product.template.attribute.value,{products.values['Oat']}"
    assert adapter.fetch_catalog(store).items[option].base_price == 0
    assert subtotal(adapter, store, order_of(products.order(latte, ["Oat"]))) == Decimal("3.00")


def test_a_product_that_wants_a_text_is_left_out(products: Products, adapter: OdooAdapter, store: Store) -> None:
    cake = products.product("Cake", 20, [{"name": "Inscription", "values": {"Your text": 2}}])
    mug = products.product("Mug", 8, [{"name": "Print", "display_type": "multi", "values": {"Your name": 2}}])
    for value in ("Your text", "Your name"):
        products.text(value)
    catalog = adapter.fetch_catalog(store)
    assert f"product.template,{cake}" not in catalog.items
    assert catalog.items[f"product.template,{mug}"].modifier_group_ids == []
    assert isinstance(adapter.quote(store, order_of(products.order(cake))), Refused)


def test_a_variant_that_was_never_ordered_is_created(products: Products, adapter: OdooAdapter, store: Store) -> None:
    topping = {"name": "Topping", "create_variant": "dynamic", "values": {"Ham": 1, "Olives": 0.7}}
    pinsa = products.product("Pinsa", 9, [topping, MILK])
    assert products.variants(pinsa) == []
    assert f"product.template,{pinsa}" in adapter.fetch_catalog(store).items
    line = products.order(pinsa, ["Olives", "Oat"], quantity=2)
    assert subtotal(adapter, store, order_of(line)) == Decimal("20.40")
    assert products.variants(pinsa) == []
    placed = place(adapter, store, order_of(line))
    (variant,) = products.variants(pinsa)
    (ticket,) = products.pos.orders()
    (ordered,) = products.pos.lines(ticket)
    assert (ordered["product_id"], ordered["price_unit"]) == (variant["id"], Decimal("10.20"))
    assert (ticket["amount_total"], ticket["amount_tax"]) == products.recomputed(placed.id)
    place(adapter, store, order_of(line))
    assert len(products.variants(pinsa)) == 1


def test_values_that_exclude_each_other_are_refused(products: Products, adapter: OdooAdapter, store: Store) -> None:
    ice = {"name": "Ice", "values": {"Cubes": 0, "None": 0}}
    latte = products.product("Latte", 3, [SIZES, MILK, ice])
    products.exclude("Oat", "Cubes", latte)
    assert subtotal(adapter, store, order_of(products.order(latte, ["Small one", "Oat", "None"]))) == Decimal("3.50")
    water = {"itemId": products.pos.item("Water")}
    for excluded in (["Small one", "Oat", "Cubes"], ["Large one", "Oat", "Cubes"]):
        result = adapter.quote(store, order_of(water, products.order(latte, excluded)))
        assert isinstance(result, Refused)
        (refusal,) = result.refusals
        assert (refusal.reason, refusal.json_path) == (Reason.ITEM_UNAVAILABLE, "$.cart.lineItems[1]")
        assert refusal.message == "Latte is not available in this combination."


def test_an_option_that_excludes_the_only_value_of_a_line_is_left_out(
    products: Products, adapter: OdooAdapter, store: Store
) -> None:
    latte = products.product("Latte", 3, [{"name": "Cup", "values": {"Paper": 0}}, MILK])
    products.exclude("Paper", "Oat", latte)
    catalog = adapter.fetch_catalog(store)
    (group,) = catalog.items[f"product.template,{latte}"].modifier_group_ids
    assert [catalog.items[each].name for each in catalog.modifier_groups[group].item_ids] == ["Cow"]
