"""What an order costs at this moment, and whether it can be placed: against Odoo's own figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.restaurant import Restaurant, order_of
from webhook_kit.adapter import Reason, Refused, Store, placement_key
from webhook_kit.catalog.hours import always_open
from webhook_kit.gett.models.order import Amounts
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.shop import Preset


def quoted(adapter: OdooAdapter, store: Store, *lines: dict[str, Any], **members: Any) -> Amounts:
    answer = adapter.quote(store, order_of(*lines, **members))
    assert isinstance(answer, Amounts), answer
    return answer


def reasons(answer: Amounts | Refused) -> list[Reason]:
    assert isinstance(answer, Refused)
    return [refusal.reason for refusal in answer.refusals]


def test_taxes_come_on_top_of_the_menus_price(restaurant: Restaurant, adapter: OdooAdapter, store: Store) -> None:
    amounts = quoted(adapter, store, {"itemId": restaurant.item("Water"), "quantity": 3}, amounts={"tip": 1})
    assert (amounts.sub_total, amounts.taxes, amounts.tip, amounts.total) == (
        Decimal("6.60"),
        Decimal("0.99"),
        Decimal("1.00"),
        Decimal("8.59"),
    )


def test_a_price_with_the_tax_in_it_is_the_price(restaurant: Restaurant, adapter: OdooAdapter, store: Store) -> None:
    amounts = quoted(adapter, store, {"itemId": restaurant.item("Ice cream"), "quantity": 2})
    assert (amounts.sub_total, amounts.taxes, amounts.total) == (Decimal("6.66"), Decimal(0), Decimal("6.66"))


@pytest.mark.parametrize("rounding", ["round_per_line", "round_globally"])
def test_it_is_what_odoo_itself_computes(
    rounding: str, restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    company = restaurant.server.one("pos.config", [("id", "=", restaurant.config)], "company_id")["company_id"]
    restaurant.server.write("res.company", company, tax_calculation_rounding_method=rounding)
    names = ("Ice cream", "Water", "Ice cream", "Minute Maid", "Ice cream", "Espresso", "Green Tea")
    lines = [{"itemId": restaurant.item(name), "quantity": 1} for name in names]
    order = order_of(*lines, amounts={"tip": 1.11})
    amounts = adapter.quote(store, order)
    assert isinstance(amounts, Amounts)
    adapter.place_order(store, order, placement_key(store, order.order_ref))
    (ticket,) = restaurant.orders()
    before = (ticket["amount_total"], ticket["amount_tax"])
    # Writing a payment lets Odoo compute the order anew.
    (payment,) = ticket["payment_ids"]
    restaurant.server.write("pos.order", ticket["id"], payment_ids=[[1, payment, {"name": "again"}]])
    (ticket,) = restaurant.orders()
    assert (ticket["amount_total"], ticket["amount_tax"]) == before
    assert ticket["amount_total"] == amounts.total


def test_a_presets_fiscal_position_maps_the_taxes(restaurant: Restaurant, adapter: OdooAdapter, store: Store) -> None:
    water = restaurant.id_of("product.template", "Water")
    (tax,) = restaurant.server.one("product.template", [("id", "=", water)], "taxes_id")["taxes_id"]
    (position,) = restaurant.api.call("account.fiscal.position", "create", vals_list=[{"name": "To go"}])
    reduced = {
        "name": "5%",
        "amount": 5,
        "amount_type": "percent",
        "type_tax_use": "sale",
        "fiscal_position_ids": [[6, 0, [position]]],
        "original_tax_ids": [[6, 0, [tax]]],
    }
    restaurant.api.call("account.tax", "create", vals_list=[reduced])
    restaurant.server.write("pos.preset", restaurant.id_of("pos.preset", "Takeout"), fiscal_position_id=position)
    line = {"itemId": f"product.template,{water}", "quantity": 10}
    assert quoted(adapter, store, line).taxes == Decimal("1.10")
    order = order_of(line)
    adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert restaurant.orders()[0]["amount_total"] == Decimal("23.10")


def test_what_ran_out_this_second_is_named(restaurant: Restaurant, adapter: OdooAdapter, store: Store) -> None:
    water = restaurant.item("Water")
    restaurant.sell_out(water)
    answer = adapter.quote(store, order_of({"itemId": restaurant.item("Espresso")}, {"itemId": water}))
    assert isinstance(answer, Refused)
    (refusal,) = answer.refusals
    assert (refusal.reason, refusal.item_id, refusal.json_path) == (
        Reason.ITEM_UNAVAILABLE,
        water,
        "$.cart.lineItems[1]",
    )
    assert refusal.message == "Water has run out."


def test_what_odoo_does_not_have_is_refused_and_no_error(adapter: OdooAdapter, store: Store) -> None:
    for item in ("product.template,4711", "pizza", "product.combo.item,1"):
        assert set(reasons(adapter.quote(store, order_of({"itemId": item})))) == {Reason.ITEM_UNAVAILABLE}


def test_a_choice_that_has_to_be_made_is_asked_for(restaurant: Restaurant, adapter: OdooAdapter, store: Store) -> None:
    answer = adapter.quote(store, order_of({"itemId": restaurant.item("Bacon Burger")}))
    assert reasons(answer) == [Reason.MODIFIER_MISSING]


def test_a_fulfillment_type_without_a_preset_is_refused(restaurant: Restaurant, adapter: OdooAdapter) -> None:
    store = restaurant.store(presets={"Pickup": "Takeout"})
    answer = adapter.quote(store, order_of({"itemId": restaurant.item("Water")}, fulfillmentType="Drone"))
    assert isinstance(answer, Refused)
    assert (answer.refusals[0].reason, answer.refusals[0].json_path) == (Reason.OTHER, "$.fulfillmentType")


def test_outside_a_presets_hours_the_store_is_closed(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    another_day = str((datetime.now(UTC).weekday() + 3) % 7)
    restaurant.hours("Takeout", {another_day: [(8, 20)]})
    answer = adapter.quote(store, order_of({"itemId": restaurant.item("Water")}))
    assert reasons(answer) == [Reason.STORE_CLOSED]


def test_an_order_takes_the_next_slot_with_room_and_none_is_left_when_all_are_full(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    days = {str(day): [(0.0, 24.0)] for day in range(7)}
    restaurant.hours("Takeout", days, slots_per_interval=1, interval_time=24 * 60)
    # The only slot of the day that is to come is its end.
    line = {"itemId": restaurant.item("Water")}
    order = order_of(line)
    adapter.place_order(store, order, placement_key(store, order.order_ref))
    (ticket,) = restaurant.orders()
    assert ticket["preset_time"].endswith(" 00:00:00")
    assert reasons(adapter.quote(store, order_of(line))) == [Reason.STORE_OVER_CAPACITY]
    (told,) = adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=1))
    assert told.estimated_ready_at is not None
    assert told.estimated_ready_at > datetime.now(UTC)


def test_slots_are_counted_on_the_stores_clock() -> None:
    zone = ZoneInfo("America/New_York")
    preset = Preset(1, "Takeout", None, always_open(), 20, 2)
    now = datetime(2026, 11, 20, 17, 5, tzinfo=UTC)
    assert preset.slot({}, now, zone) == datetime(2026, 11, 20, 17, 20, tzinfo=UTC)
    assert preset.slot({"2026-11-20 17:20:00": 1}, now, zone) == datetime(2026, 11, 20, 17, 20, tzinfo=UTC)
    assert preset.slot({"2026-11-20 17:20:00": 2}, now, zone) == datetime(2026, 11, 20, 17, 40, tzinfo=UTC)
