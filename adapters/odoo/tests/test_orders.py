"""Orders in a real Odoo: one ticket each, complete, paid, and no line twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.odoo_pos import OdooPos, order_of, place, wire
from webhook_kit import (
    NotPlaced,
    Reason,
    Refused,
    Store,
    placement_key,
)
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.client import OdooError
from webhook_kit_odoo.tickets import wire_order

# -- one ticket --------------------------------------------------------------------------------------------------------


def test_a_ticket_has_the_key_as_its_uuid_and_the_order_ref(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water, customer={"firstName": "Ada"})
    placed = place(adapter, store, order)
    (ticket,) = pos.orders()
    assert placed.id == ticket["uuid"] == placement_key(store, order.order_ref)
    assert ticket["general_customer_note"] == f"Gett {order.order_ref}"
    assert (ticket["floating_order_name"], ticket["state"]) == ("Gett Ada", "draft")
    assert ticket["preset_id"] == pos.id_of("pos.preset", "Takeout")


def test_a_ticket_is_paid_and_can_be_closed(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    placed = place(adapter, store, order_of(water))
    (ticket,) = pos.orders()
    (payment,) = pos.api.rows("pos.payment", [("id", "in", ticket["payment_ids"])], ["amount", "payment_method_id"])
    assert payment["payment_method_id"] == pos.id_of("pos.payment.method", "Gett")
    assert payment["amount"] == ticket["amount_paid"] == ticket["amount_total"]
    pos.pay(placed.id)
    assert pos.orders()[0]["state"] == "paid"


def test_without_a_payment_method_a_ticket_is_unpaid(pos: OdooPos, adapter: OdooAdapter, water: dict[str, Any]) -> None:
    place(adapter, pos.store(payment_method=None), order_of(water))
    assert pos.orders()[0]["payment_ids"] == []


def test_an_unknown_payment_method_is_an_error_and_nothing_is_sent(
    pos: OdooPos, adapter: OdooAdapter, water: dict[str, Any]
) -> None:
    store, order = pos.store(payment_method="Bitcoin"), order_of(water)
    with pytest.raises(NotPlaced, match=r"no 'Bitcoin'; it has .*'Gett'"):
        adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert pos.orders() == []


def test_the_same_key_again_returns_the_ticket(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water, amounts={"tip": 1.5})
    first, again = place(adapter, store, order), place(adapter, store, order)
    assert first == again
    (ticket,) = pos.orders()
    assert len(pos.lines(ticket)) == 2  # the water and the tip


def test_odoo_adds_new_lines_to_an_order_but_refuses_the_adapters(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water)
    sent = wire(pos, store, order)
    place(adapter, store, order)
    (ticket,) = pos.orders()
    token = pos.server.one("pos.order", [("id", "=", ticket["id"])], "access_token")["access_token"]
    # The same order with the adapter's lines: Odoo refuses it, with and without the token.
    for extra in ({"access_token": token}, {}):
        with pytest.raises(OdooError, match="line with this uuid already exists"):
            pos.api.call("pos.order", "sync_from_ui", orders=[{**sent, **extra, "payment_ids": []}])
    assert len(pos.lines(ticket)) == 1
    # The same order with new lines: Odoo adds them without an error.
    ((command, zero, line),) = sent["lines"]
    fresh = [[command, zero, {**line, "uuid": str(uuid4())}]]
    pos.api.call(
        "pos.order", "sync_from_ui", orders=[{**sent, "lines": fresh, "payment_ids": [], "access_token": token}]
    )
    assert len(pos.lines(ticket)) == 2


def test_four_concurrent_attempts_make_one_ticket(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water)
    with ThreadPoolExecutor(4) as pool:
        tickets = list(pool.map(lambda _: place(adapter, store, order), range(4)))
    assert len(set(map(repr, tickets))) == 1
    (ticket,) = pos.orders()
    assert len(pos.lines(ticket)) == 1


def test_odoo_accepts_one_of_four_concurrent_creations(pos: OdooPos, store: Store, water: dict[str, Any]) -> None:
    """The basis of the adapter's guarantee, without its look-ups."""
    sent = wire(pos, store, order_of(water))

    def create(_: int) -> int:
        try:
            pos.api.call("pos.order", "sync_from_ui", orders=[sent])
        except OdooError as error:
            return error.status
        return 200

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(create, range(4)))
    assert statuses[0] == 200
    assert min(statuses[1:]) >= 400
    (ticket,) = pos.orders()
    assert len(pos.lines(ticket)) == 1


def test_an_order_is_found_by_its_order_ref(adapter: OdooAdapter, store: Store, water: dict[str, Any]) -> None:
    order = order_of(water)
    assert adapter.find_order(store, order.order_ref) is None
    placed = place(adapter, store, order)
    assert adapter.find_order(store, order.order_ref) == placed
    assert adapter.find_order(store, "unknown") is None


# -- content of a ticket -----------------------------------------------------------------------------------------------


def test_a_variant_is_ordered_as_its_product(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    lemonade = pos.id_of("product.template", "Lemonade")
    large = pos.server.one(
        "product.template.attribute.value",
        [("product_tmpl_id", "=", lemonade), ("name", "=", "Large")],
        "attribute_line_id",
    )
    line = {
        "itemId": f"product.template,{lemonade}",
        "quantity": 1,
        "modifierGroups": [
            {
                "modifierGroupId": f"product.template.attribute.line,{large['attribute_line_id']}",
                "selectedModifiers": [{"itemId": f"product.template.attribute.value,{large['id']}"}],
            }
        ],
    }
    place(adapter, store, order_of(line))
    (written,) = pos.lines(pos.orders()[0])
    product = pos.server.one(
        "product.product", [("id", "=", written["product_id"])], "product_template_attribute_value_ids"
    )
    assert product["product_template_attribute_value_ids"] == [large["id"]]
    assert (written["price_unit"], written["full_product_name"]) == (Decimal("4.25"), "Lemonade (Large)")


def test_a_combos_price_is_distributed_to_the_cent(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    catalog = adapter.fetch_catalog(store)
    combo = catalog.items[pos.item("Sushi Lunch Combo")]
    sushi, more, drinks = (catalog.modifier_groups[key] for key in combo.modifier_group_ids)
    line: dict[str, Any] = {
        "itemId": combo.item_id,
        "quantity": 3,
        "modifierGroups": [
            {
                "modifierGroupId": group.modifier_group_id,
                "selectedModifiers": [{"itemId": key, "quantity": count} for key, count in selected],
            }
            for group, selected in (
                (sushi, [(sushi.item_ids[0], 2)]),
                (more, [(more.item_ids[1], 1)]),
                (drinks, [(drinks.item_ids[0], 1)]),
            )
        ],
    }
    order = order_of(line)
    quote = adapter.quote(store, order)
    assert not isinstance(quote, Refused)
    place(adapter, store, order)
    whole, *pieces = pos.lines(pos.orders()[0])
    assert (whole["price_unit"], {piece["qty"] for piece in pieces}) == (0, {3})
    assert {piece["combo_parent_id"] for piece in pieces} == {whole["id"]}
    each = combo.base_price + sum(
        (catalog.items[key].base_price * count for group in line["modifierGroups"] for key, count in _selected(group)),
        Decimal(0),
    )
    assert sum(Decimal(piece["price_unit"]) for piece in pieces) == each
    assert quote.sub_total == 3 * each


def _selected(group: Any) -> list[tuple[str, int]]:
    return [(each["itemId"], each["quantity"]) for each in group["selectedModifiers"]]


def test_a_delivery_has_address_and_instructions(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    address = {"address1": "1 Main St", "address2": "5B", "city": "Troy", "state": "NY", "postalCode": "12180"}
    delivery = {"type": "door", "address": address, "instructions": "ring twice"}
    order = order_of(water, fulfillmentType="DeliveryByMerchant", deliveryInfo=delivery)
    place(adapter, store, order)
    (ticket,) = pos.orders()
    assert ticket["general_customer_note"].split("\n") == [
        f"Gett {order.order_ref}",
        "1 Main St",
        "5B",
        "Troy NY 12180",
        "door",
        "ring twice",
    ]
    assert ticket["preset_id"] == pos.id_of("pos.preset", "Delivery")


def test_a_tip_without_a_tip_product_is_not_in_the_total(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    pos.server.write("pos.config", pos.config, iface_tipproduct=False)
    order = order_of(water, amounts={"tip": 2.5})
    placed = place(adapter, store, order)
    (ticket,) = pos.orders()
    assert placed.amounts is not None
    assert placed.amounts.total == ticket["amount_total"] + Decimal("2.50")
    assert ticket["tip_amount"] == Decimal("2.5")
    assert adapter.find_order(store, order.order_ref) == placed


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_a_closed_session_is_refused(pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]) -> None:
    pos.close()
    order = order_of(water)
    result = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(result, Refused)
    assert [refusal.reason for refusal in result.refusals] == [Reason.STORE_CLOSED]


def test_a_session_that_closes_during_the_placement_is_refused(
    pos: OdooPos,
    adapter: OdooAdapter,
    store: Store,
    water: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def close_afterwards(*args: Any) -> dict[str, Any]:
        content = wire_order(*args)
        pos.close()
        return content

    monkeypatch.setattr("webhook_kit_odoo.adapter.wire_order", close_afterwards)
    order = order_of(water)
    result = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(result, Refused)
    assert result.refusals[0].reason is Reason.STORE_CLOSED
    assert pos.orders() == []


def test_without_a_connection_nothing_is_placed(adapter: OdooAdapter, pos: OdooPos, water: dict[str, Any]) -> None:
    store, order = pos.store(url="http://127.0.0.1:1"), order_of(water)
    with pytest.raises(NotPlaced):
        adapter.place_order(store, order, placement_key(store, order.order_ref))


def test_with_a_wrong_api_key_nothing_is_placed(adapter: OdooAdapter, pos: OdooPos, water: dict[str, Any]) -> None:
    store, order = pos.store(), order_of(water)
    wrong = Store(**{**_fields(store), "credentials": {"api_key": "wrong"}})
    with pytest.raises(NotPlaced, match="401"):
        adapter.place_order(wrong, order, placement_key(store, order.order_ref))


def test_every_wrong_option_is_reported(adapter: OdooAdapter, pos: OdooPos) -> None:
    store = pos.store(url="odoo.example", acceptance="later", spelling="wrong")
    order = order_of({"itemId": "product.template,1"})
    with pytest.raises(NotPlaced) as error:
        adapter.place_order(store, order, str(uuid4()))
    for name in ("options.url", "options.acceptance", "options.spelling"):
        assert name in str(error.value)


def _fields(store: Store) -> dict[str, Any]:
    return {name: getattr(store, name) for name in store.__dataclass_fields__}
