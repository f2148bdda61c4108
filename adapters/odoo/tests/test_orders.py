"""Orders on a real Odoo: one ticket each, whole, paid, and never a line twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from tests.restaurant import Restaurant, order_of
from webhook_kit.adapter import (
    NotPlaced,
    OrderState,
    OrderStatus,
    Placed,
    PosOrder,
    Reason,
    Refused,
    Store,
    placement_key,
)
from webhook_kit.errors import InvalidTransition, NotFound
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.assessment import Assessed, assess
from webhook_kit_odoo.client import OdooError
from webhook_kit_odoo.options import Options
from webhook_kit_odoo.orders import wire_order


def place(adapter: OdooAdapter, store: Store, order: PlaceOrderRequest) -> Placed:
    answer = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(answer, Placed), answer
    return answer


def wire(restaurant: Restaurant, store: Store, order: PlaceOrderRequest) -> dict[str, Any]:
    """What the adapter would send."""
    options = Options.of(store)
    assessed = assess(restaurant.api, options, store, order)
    assert isinstance(assessed, Assessed)
    return wire_order(restaurant.api, options, assessed, order, UUID(placement_key(store, order.order_ref)))


@pytest.fixture
def water(restaurant: Restaurant) -> dict[str, Any]:
    return {"itemId": restaurant.item("Water"), "quantity": 2}


# -- one ticket --------------------------------------------------------------------------------------------------------


def test_a_ticket_has_the_key_as_its_uuid_and_tells_whose_it_is(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water, customer={"firstName": "Ada"})
    placed = place(adapter, store, order)
    (ticket,) = restaurant.orders()
    assert placed.id == ticket["uuid"] == placement_key(store, order.order_ref)
    assert ticket["general_customer_note"] == f"Gett {order.order_ref}"
    assert (ticket["floating_order_name"], ticket["state"]) == ("Gett Ada", "draft")
    assert ticket["preset_id"] == restaurant.id_of("pos.preset", "Takeout")


def test_a_ticket_is_paid_by_gett_and_the_staff_has_only_to_close_it(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    placed = place(adapter, store, order_of(water))
    (ticket,) = restaurant.orders()
    (payment,) = restaurant.api.rows(
        "pos.payment", [("id", "in", ticket["payment_ids"])], ["amount", "payment_method_id"]
    )
    assert payment["payment_method_id"] == restaurant.id_of("pos.payment.method", "Gett")
    assert payment["amount"] == ticket["amount_paid"] == ticket["amount_total"]
    restaurant.pay(placed.id)
    assert restaurant.orders()[0]["state"] == "paid"


def test_without_a_payment_method_a_ticket_waits_for_its_money(
    restaurant: Restaurant, adapter: OdooAdapter, water: dict[str, Any]
) -> None:
    place(adapter, restaurant.store(payment_method=None), order_of(water))
    assert restaurant.orders()[0]["payment_ids"] == []


def test_a_payment_method_that_is_not_there_is_named_and_nothing_is_sent(
    restaurant: Restaurant, adapter: OdooAdapter, water: dict[str, Any]
) -> None:
    store, order = restaurant.store(payment_method="Bitcoin"), order_of(water)
    with pytest.raises(NotPlaced, match=r"no 'Bitcoin'; it has .*'Gett'"):
        adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert restaurant.orders() == []


def test_the_same_key_again_finds_the_ticket_and_sends_nothing(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water, amounts={"tip": 1.5})
    first, again = place(adapter, store, order), place(adapter, store, order)
    assert first == again
    (ticket,) = restaurant.orders()
    assert len(restaurant.lines(ticket)) == 2  # the water and the tip


def test_the_double_line_trap_is_real_and_the_adapters_lines_do_not_fall_into_it(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water)
    sent = wire(restaurant, store, order)
    place(adapter, store, order)
    (ticket,) = restaurant.orders()
    token = restaurant.server.one("pos.order", [("id", "=", ticket["id"])], "access_token")["access_token"]
    # The same order with the lines that the adapter made: Odoo refuses, with and without the token.
    for more in ({"access_token": token}, {}):
        with pytest.raises(OdooError, match="line with this uuid already exists"):
            restaurant.api.call("pos.order", "sync_from_ui", orders=[{**sent, **more, "payment_ids": []}])
    assert len(restaurant.lines(ticket)) == 1
    # The same order with lines that Odoo does not know: double food, without a word.
    ((zero, nothing, line),) = sent["lines"]
    fresh = [[zero, nothing, {**line, "uuid": str(uuid4())}]]
    restaurant.api.call(
        "pos.order", "sync_from_ui", orders=[{**sent, "lines": fresh, "payment_ids": [], "access_token": token}]
    )
    assert len(restaurant.lines(ticket)) == 2


def test_four_attempts_at_once_make_one_ticket_and_get_one_answer(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: place(adapter, store, order), range(4)))
    assert len(set(map(repr, answers))) == 1
    (ticket,) = restaurant.orders()
    assert len(restaurant.lines(ticket)) == 1


def test_of_four_creations_at_once_odoo_lets_one_through(
    restaurant: Restaurant, store: Store, water: dict[str, Any]
) -> None:
    """What the adapter rests on, without its look-ups."""
    sent = wire(restaurant, store, order_of(water))

    def create(_: int) -> int:
        try:
            restaurant.api.call("pos.order", "sync_from_ui", orders=[sent])
        except OdooError as error:
            return error.status
        return 200

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(create, range(4)))
    assert statuses[0] == 200
    assert min(statuses[1:]) >= 400
    (ticket,) = restaurant.orders()
    assert len(restaurant.lines(ticket)) == 1


def test_an_order_is_found_by_its_name_and_a_stranger_is_not(
    adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    order = order_of(water)
    assert adapter.find_order(store, order.order_ref) is None
    placed = place(adapter, store, order)
    assert adapter.find_order(store, order.order_ref) == placed
    assert adapter.find_order(store, "somebody else's") is None


# -- what is on it -----------------------------------------------------------------------------------------------------


def test_a_variant_is_the_product_that_odoo_has_for_it(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    lemonade = restaurant.id_of("product.template", "Lemonade")
    large = restaurant.server.one(
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
    (written,) = restaurant.lines(restaurant.orders()[0])
    product = restaurant.server.one(
        "product.product", [("id", "=", written["product_id"])], "product_template_attribute_value_ids"
    )
    assert product["product_template_attribute_value_ids"] == [large["id"]]
    assert (written["price_unit"], written["full_product_name"]) == (Decimal("4.25"), "Lemonade (Large)")


def test_a_combos_price_is_spread_over_what_is_in_it_to_the_cent(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    menu = adapter.fetch_catalog(store)
    combo = menu.items[restaurant.item("Sushi Lunch Combo")]
    sushi, more, drinks = (menu.modifier_groups[key] for key in combo.modifier_group_ids)
    line: dict[str, Any] = {
        "itemId": combo.item_id,
        "quantity": 3,
        "modifierGroups": [
            {
                "modifierGroupId": group.modifier_group_id,
                "selectedModifiers": [{"itemId": key, "quantity": count} for key, count in chosen],
            }
            for group, chosen in (
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
    whole, *pieces = restaurant.lines(restaurant.orders()[0])
    assert (whole["price_unit"], {piece["qty"] for piece in pieces}) == (0, {3})
    assert {piece["combo_parent_id"] for piece in pieces} == {whole["id"]}
    each = combo.base_price + sum(
        (menu.items[key].base_price * count for group in line["modifierGroups"] for key, count in _chosen(group)),
        Decimal(0),
    )
    assert sum(Decimal(piece["price_unit"]) for piece in pieces) == each
    assert quote.sub_total == 3 * each


def _chosen(group: Any) -> list[tuple[str, int]]:
    return [(each["itemId"], each["quantity"]) for each in group["selectedModifiers"]]


def test_a_delivery_says_where_to(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    address = {"address1": "1 Main St", "address2": "5B", "city": "Troy", "state": "NY", "postalCode": "12180"}
    delivery = {"type": "door", "address": address, "instructions": "ring twice"}
    order = order_of(water, fulfillmentType="DeliveryByMerchant", deliveryInfo=delivery)
    place(adapter, store, order)
    (ticket,) = restaurant.orders()
    assert ticket["general_customer_note"].split("\n") == [
        f"Gett {order.order_ref}",
        "1 Main St",
        "5B",
        "Troy NY 12180",
        "door",
        "ring twice",
    ]
    assert ticket["preset_id"] == restaurant.id_of("pos.preset", "Delivery")


def test_a_tip_that_the_point_of_sale_has_no_product_for_is_noted_and_charged_elsewhere(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    restaurant.server.write("pos.config", restaurant.config, iface_tipproduct=False)
    order = order_of(water, amounts={"tip": 2.5})
    placed = place(adapter, store, order)
    (ticket,) = restaurant.orders()
    assert placed.amounts is not None
    assert placed.amounts.total == ticket["amount_total"] + Decimal("2.50")
    assert ticket["tip_amount"] == Decimal("2.5")
    assert adapter.find_order(store, order.order_ref) == placed


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_session_that_is_closed_refuses(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    restaurant.close()
    order = order_of(water)
    answer = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(answer, Refused)
    assert [refusal.reason for refusal in answer.refusals] == [Reason.STORE_CLOSED]


def test_a_session_that_closes_while_the_order_is_on_its_way_refuses_it(
    restaurant: Restaurant,
    adapter: OdooAdapter,
    store: Store,
    water: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def and_then_it_closes(*args: Any) -> dict[str, Any]:
        made = wire_order(*args)
        restaurant.close()
        return made

    monkeypatch.setattr("webhook_kit_odoo.adapter.wire_order", and_then_it_closes)
    order = order_of(water)
    answer = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(answer, Refused)
    assert answer.refusals[0].reason is Reason.STORE_CLOSED
    assert restaurant.orders() == []


def test_odoo_out_of_reach_is_not_placed(adapter: OdooAdapter, restaurant: Restaurant, water: dict[str, Any]) -> None:
    store, order = restaurant.store(url="http://127.0.0.1:1"), order_of(water)
    with pytest.raises(NotPlaced):
        adapter.place_order(store, order, placement_key(store, order.order_ref))


def test_a_key_that_odoo_does_not_accept_is_not_placed(
    adapter: OdooAdapter, restaurant: Restaurant, water: dict[str, Any]
) -> None:
    store, order = restaurant.store(), order_of(water)
    wrong = Store(**{**_fields(store), "credentials": {"api_key": "wrong"}})
    with pytest.raises(NotPlaced, match="401"):
        adapter.place_order(wrong, order, placement_key(store, order.order_ref))


def test_options_that_cannot_be_used_are_all_named(adapter: OdooAdapter, restaurant: Restaurant) -> None:
    store = restaurant.store(url="odoo.example", acceptance="later", spelling="wrong")
    order = order_of({"itemId": "product.template,1"})
    with pytest.raises(NotPlaced) as refused:
        adapter.place_order(store, order, str(uuid4()))
    for name in ("options.url", "options.acceptance", "options.spelling"):
        assert name in str(refused.value)


def _fields(store: Store) -> dict[str, Any]:
    return {name: getattr(store, name) for name in store.__dataclass_fields__}


# -- afterwards --------------------------------------------------------------------------------------------------------


def test_an_order_is_cancelled_with_the_reason_on_it_and_again_without_complaint(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    placed = place(adapter, store, order_of(water))
    adapter.cancel_order(store, placed, "nobody confirmed it")
    adapter.cancel_order(store, placed, "nobody confirmed it")
    (ticket,) = restaurant.orders()
    assert ticket["state"] == "cancel"
    assert ticket["general_customer_note"].split("\n")[1:] == ["nobody confirmed it"]


def test_an_order_whose_slot_is_tomorrow_is_cancelled_all_the_same(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    placed = place(adapter, store, order_of(water))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
    restaurant.server.write("pos.order", restaurant.number(placed.id), preset_time=tomorrow)
    adapter.cancel_order(store, placed, "too far away")
    assert restaurant.server.one("pos.order", [("uuid", "=", placed.id)], "state")["state"] == "cancel"


def test_an_order_that_is_handed_over_or_unknown_is_not_cancelled(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    placed = place(adapter, store, order_of(water))
    restaurant.pay(placed.id)
    with pytest.raises(InvalidTransition, match="a person has to refund it"):
        adapter.cancel_order(store, placed, "too late")
    with pytest.raises(NotFound, match="has no order"):
        adapter.cancel_order(store, Placed(str(uuid4())), "never there")


def test_what_changed_is_told_with_names_ends_and_closed_ones_included(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    since = datetime.now(UTC)
    orders = [order_of(water) for _ in range(4)]
    ids = [place(adapter, store, order).id for order in orders]
    restaurant.progress(ids[1], "ready")
    restaurant.pay(ids[2])
    adapter.cancel_order(store, Placed(ids[3]), "sold out")
    assert adapter.orders_since(store, since) == [
        PosOrder(ids[0], orders[0].order_ref, status=OrderStatus.CONFIRMED),
        PosOrder(ids[1], orders[1].order_ref, status=OrderStatus.READY),
        PosOrder(ids[2], orders[2].order_ref, status=OrderStatus.CONFIRMED, state=OrderState.COMPLETED),
        PosOrder(
            ids[3],
            orders[3].order_ref,
            status=OrderStatus.CONFIRMED,
            state=OrderState.CANCELLED,
            reason="cancelled at the POS",
        ),
    ]
    assert adapter.orders_since(store, datetime.now(UTC) + timedelta(minutes=1)) == []


def test_what_people_write_on_a_ticket_costs_its_name_and_nothing_else(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    since = datetime.now(UTC)
    ids = [place(adapter, store, order_of(water)).id for _ in range(2)]
    restaurant.server.write("pos.order", restaurant.number(ids[0]), general_customer_note="no ice")
    restaurant.server.write("pos.order", restaurant.number(ids[1]), general_customer_note="Gett another-order")
    assert [(each.id, each.order_ref) for each in adapter.orders_since(store, since)] == [(ids[0], ""), (ids[1], "")]


def test_what_the_guests_at_the_tables_order_is_nobody_elses_business(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    sent = wire(restaurant, store, order_of(water))
    table = {**sent, "general_customer_note": "table 4", "floating_order_name": "Bob", "payment_ids": []}
    restaurant.api.call("pos.order", "sync_from_ui", orders=[table])
    assert adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=1)) == []


def test_where_the_staff_accepts_a_ticket_is_pending_until_it_does(
    restaurant: Restaurant, adapter: OdooAdapter, water: dict[str, Any]
) -> None:
    store, since, order = restaurant.store(acceptance="staff"), datetime.now(UTC), order_of(water)
    placed = place(adapter, store, order)
    assert (placed.status, restaurant.orders()[0]["x_gett_progress"]) == ("pending", "pending")
    assert adapter.find_order(store, order.order_ref) == placed
    assert [(each.status, each.state) for each in adapter.orders_since(store, since)] == [(None, None)]
    restaurant.progress(placed.id, "confirmed")
    found = adapter.find_order(store, order.order_ref)
    assert found is not None
    assert found.status == "accepted"
    assert [each.status for each in adapter.orders_since(store, since)] == ["confirmed"]


def test_an_odoo_that_fails_tells_no_record_in_its_exception(
    restaurant: Restaurant, store: Store, water: dict[str, Any]
) -> None:
    sent = {**wire(restaurant, store, order_of(water)), "mobile": "+12125550187", "company_id": 4711}
    with pytest.raises(OdooError) as failed:
        restaurant.api.call("pos.order", "sync_from_ui", orders=[sent])
    assert "+12125550187" not in str(failed.value)


def test_without_an_answer_the_failure_stays_what_it_is(
    adapter: OdooAdapter,
    store: Store,
    water: dict[str, Any],
    restaurant: Restaurant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In doubt is in doubt: the kit looks it up, after a while."""
    post = requests.Session.post

    def lose(session: requests.Session, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        answer = post(session, url, *args, **kwargs)
        if url.endswith("sync_from_ui"):
            raise requests.exceptions.ConnectionError("lost")
        return answer

    order = order_of(water)
    with monkeypatch.context() as patched:
        patched.setattr(requests.Session, "post", lose)
        with pytest.raises(requests.exceptions.ConnectionError):
            adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert len(restaurant.orders()) == 1
    assert place(adapter, store, order).id == restaurant.orders()[0]["uuid"]
