"""Prices and refusals of quotes, compared with Odoo's own figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.odoo_pos import OdooPos, order_of
from webhook_kit import Amounts, Reason, Refused, Store, always_open, placement_key
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.point_of_sale import Preset


def quoted(adapter: OdooAdapter, store: Store, *lines: dict[str, Any], **members: Any) -> Amounts:
    amounts = adapter.quote(store, order_of(*lines, **members))
    assert isinstance(amounts, Amounts), amounts
    return amounts


def reasons(result: Amounts | Refused) -> list[Reason]:
    assert isinstance(result, Refused)
    return [refusal.reason for refusal in result.refusals]


def test_taxes_are_added_to_the_catalogs_price(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    amounts = quoted(adapter, store, {"itemId": pos.item("Water"), "quantity": 3}, amounts={"tip": 1})
    assert (amounts.sub_total, amounts.taxes, amounts.tip, amounts.total) == (
        Decimal("6.60"),
        Decimal("0.99"),
        Decimal("1.00"),
        Decimal("8.59"),
    )


def test_an_inclusive_tax_is_not_added(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    amounts = quoted(adapter, store, {"itemId": pos.item("Ice cream"), "quantity": 2})
    assert (amounts.sub_total, amounts.taxes, amounts.total) == (Decimal("6.66"), Decimal(0), Decimal("6.66"))


@pytest.mark.parametrize("rounding", ["round_per_line", "round_globally"])
def test_a_quote_equals_odoos_own_computation(rounding: str, pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    company = pos.server.one("pos.config", [("id", "=", pos.config)], "company_id")["company_id"]
    pos.server.write("res.company", company, tax_calculation_rounding_method=rounding)
    names = ("Ice cream", "Water", "Ice cream", "Minute Maid", "Ice cream", "Espresso", "Green Tea")
    lines = [{"itemId": pos.item(name), "quantity": 1} for name in names]
    order = order_of(*lines, amounts={"tip": 1.11})
    amounts = adapter.quote(store, order)
    assert isinstance(amounts, Amounts)
    adapter.place_order(store, order, placement_key(store, order.order_ref))
    (ticket,) = pos.orders()
    before = (ticket["amount_total"], ticket["amount_tax"])
    # Changing a payment makes Odoo compute the order again.
    (payment,) = ticket["payment_ids"]
    pos.server.write("pos.order", ticket["id"], payment_ids=[[1, payment, {"name": "again"}]])
    (ticket,) = pos.orders()
    assert (ticket["amount_total"], ticket["amount_tax"]) == before
    assert ticket["amount_total"] == amounts.total


def test_a_presets_fiscal_position_maps_the_taxes(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    water = pos.id_of("product.template", "Water")
    (tax,) = pos.server.one("product.template", [("id", "=", water)], "taxes_id")["taxes_id"]
    (position,) = pos.api.call("account.fiscal.position", "create", vals_list=[{"name": "To go"}])
    reduced = {
        "name": "5%",
        "amount": 5,
        "amount_type": "percent",
        "type_tax_use": "sale",
        "fiscal_position_ids": [[6, 0, [position]]],
        "original_tax_ids": [[6, 0, [tax]]],
    }
    pos.api.call("account.tax", "create", vals_list=[reduced])
    pos.server.write("pos.preset", pos.id_of("pos.preset", "Takeout"), fiscal_position_id=position)
    line = {"itemId": f"product.template,{water}", "quantity": 10}
    assert quoted(adapter, store, line).taxes == Decimal("1.10")
    order = order_of(line)
    adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert pos.orders()[0]["amount_total"] == Decimal("23.10")


def test_an_unavailable_item_is_refused_with_its_place(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    water = pos.item("Water")
    pos.sell_out(water)
    result = adapter.quote(store, order_of({"itemId": pos.item("Espresso")}, {"itemId": water}))
    assert isinstance(result, Refused)
    (refusal,) = result.refusals
    assert (refusal.reason, refusal.item_id, refusal.json_path) == (
        Reason.ITEM_UNAVAILABLE,
        water,
        "$.cart.lineItems[1]",
    )
    assert refusal.message == "Water has run out."


def test_an_unknown_item_is_refused(adapter: OdooAdapter, store: Store) -> None:
    for item in ("product.template,4711", "pizza", "product.combo.item,1"):
        assert set(reasons(adapter.quote(store, order_of({"itemId": item})))) == {Reason.ITEM_UNAVAILABLE}


def test_a_missing_required_option_is_refused(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    result = adapter.quote(store, order_of({"itemId": pos.item("Bacon Burger")}))
    assert reasons(result) == [Reason.MODIFIER_MISSING]


def test_a_fulfillment_type_without_a_preset_is_refused(pos: OdooPos, adapter: OdooAdapter) -> None:
    store = pos.store(presets={"Pickup": "Takeout"})
    result = adapter.quote(store, order_of({"itemId": pos.item("Water")}, fulfillmentType="Drone"))
    assert isinstance(result, Refused)
    assert (result.refusals[0].reason, result.refusals[0].json_path) == (Reason.OTHER, "$.fulfillmentType")


def test_outside_a_presets_hours_the_store_is_closed(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    another_day = str((datetime.now(UTC).weekday() + 3) % 7)
    pos.hours("Takeout", {another_day: [(8, 20)]})
    result = adapter.quote(store, order_of({"itemId": pos.item("Water")}))
    assert reasons(result) == [Reason.STORE_CLOSED]


def test_an_order_takes_the_next_free_slot_and_a_full_day_is_refused(
    pos: OdooPos, adapter: OdooAdapter, store: Store
) -> None:
    days = {str(day): [(0.0, 24.0)] for day in range(7)}
    pos.hours("Takeout", days, slots_per_interval=1, interval_time=24 * 60)
    # The only remaining slot of the day is its end.
    line = {"itemId": pos.item("Water")}
    order = order_of(line)
    adapter.place_order(store, order, placement_key(store, order.order_ref))
    (ticket,) = pos.orders()
    assert ticket["preset_time"].endswith(" 00:00:00")
    assert reasons(adapter.quote(store, order_of(line))) == [Reason.STORE_OVER_CAPACITY]
    (current,) = adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=1))
    assert current.estimated_ready_at is not None
    assert current.estimated_ready_at > datetime.now(UTC)


def test_slots_are_in_the_stores_time_zone() -> None:
    zone = ZoneInfo("America/New_York")
    preset = Preset(1, "Takeout", None, always_open(), 20, 2)
    now = datetime(2026, 11, 20, 17, 5, tzinfo=UTC)
    assert preset.slot({}, now, zone) == datetime(2026, 11, 20, 17, 20, tzinfo=UTC)
    assert preset.slot({"2026-11-20 17:20:00": 1}, now, zone) == datetime(2026, 11, 20, 17, 20, tzinfo=UTC)
    assert preset.slot({"2026-11-20 17:20:00": 2}, now, zone) == datetime(2026, 11, 20, 17, 40, tzinfo=UTC)
