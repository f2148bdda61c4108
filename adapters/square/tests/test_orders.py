"""Orders at a fake Square: priced, placed once, paid."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.fake_square import FakeSquare
from tests.square_seller import BURGER, LATTE, fill_catalog, line, make_store, order, place, tax
from webhook_kit import (
    Amounts,
    NotPlaced,
    Placed,
    Reason,
    Refused,
    Store,
    call_deadline,
    placement_key,
)
from webhook_kit_square import SquareAdapter
from webhook_kit_square.api import SquareError

KEY = "1b4e28ba-2fa1-51d2-883f-0016d3cca427"
TIPPED: dict[str, Any] = {"amounts": {"tip": 2.5}}


def refusals(result: object) -> list[tuple[Reason, str | None, str | None]]:
    assert isinstance(result, Refused), result
    return [(each.reason, each.item_id, each.json_path) for each in result.refusals]


# -- price -------------------------------------------------------------------------------------------------------------


def test_a_quote_has_squares_price_with_taxes_and_tip(adapter: SquareAdapter, store: Store) -> None:
    quoted = adapter.quote(store, order(BURGER, LATTE, **TIPPED))
    assert isinstance(quoted, Amounts)
    # 2 × (9.95 + 1.49) + (4.50 + 2 × 0.60) = 22.88 + 5.70; 8.875 % of each line: 2.03 + 0.51
    assert (quoted.sub_total, quoted.taxes, quoted.tip) == (Decimal("28.58"), Decimal("2.54"), Decimal("2.50"))
    assert quoted.total == Decimal("33.62")
    assert quoted.contradictions() == []


def test_an_inclusive_tax_is_part_of_the_catalogs_price(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    """Only added taxes are added: the guest sees the subtotal of the menu's prices."""
    square.catalog["SALES"]["tax_data"]["inclusion_type"] = "INCLUSIVE"
    quoted = adapter.quote(store, order())
    assert isinstance(quoted, Amounts)
    assert (quoted.sub_total, quoted.taxes, quoted.total) == (Decimal("22.88"), Decimal(0), Decimal("22.88"))
    square.put(tax("CITY", "2"))
    square.catalog["BURGER"]["item_data"]["tax_ids"] = ["SALES", "CITY"]
    placed = place(adapter, store)
    assert placed.amounts is not None
    assert (placed.amounts.sub_total, placed.amounts.taxes) == (Decimal("22.88"), Decimal("0.46"))
    assert adapter.find_order(store, "gett-order-1") == placed


def test_a_quote_has_no_side_effects_and_no_customer(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    adapter.quote(store, order())
    assert (square.orders, square.payments) == ({}, {})
    assert "Ada" not in str(square.bodies)


def test_an_unavailable_item_is_refused_with_its_place(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    square.sell_out("BACON")
    square.sell_out("LATTE-L")
    assert refusals(adapter.quote(store, order(BURGER, LATTE))) == [
        (Reason.ITEM_UNAVAILABLE, "BACON", "$.cart.lineItems[0].modifierGroups[1].selectedModifiers[0]"),
        (Reason.ITEM_UNAVAILABLE, "LATTE-L", "$.cart.lineItems[1].modifierGroups[0].selectedModifiers[0]"),
    ]


def test_an_inactive_location_is_closed(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    square.location["status"] = "INACTIVE"
    assert refusals(adapter.quote(store, order())) == [(Reason.STORE_CLOSED, None, None)]


def test_an_unknown_item_is_refused_with_its_place(adapter: SquareAdapter, store: Store) -> None:
    result = adapter.quote(store, order(BURGER, line("UNKNOWN")))
    assert refusals(result) == [(Reason.ITEM_UNKNOWN, "UNKNOWN", "$.cart.lineItems[1]")]


def test_nested_modifiers_and_an_unknown_fulfillment_type_are_refused(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    nested = line("BURGER-V", {"DONENESS": [line("RARE", {"DEEPER": [line("BACON")]})]})
    result = adapter.place_order(store, order(nested, fulfillmentType="Drone"), KEY)
    assert refusals(result) == [
        (Reason.OTHER, None, "$.fulfillmentType"),
        (Reason.MODIFIER_FOREIGN, "RARE", "$.cart.lineItems[0].modifierGroups[0].selectedModifiers[0]"),
    ]
    assert square.calls == []


# -- tickets -----------------------------------------------------------------------------------------------------------


def test_a_ticket_has_the_whole_order_and_is_paid(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    placed = place(adapter, store, **TIPPED)
    (ticket,), (payment,) = square.orders.values(), square.payments.values()
    assert (placed.id, placed.status) == (ticket["id"], "accepted")
    assert placed.amounts is not None
    assert (placed.amounts.total, placed.amounts.tip) == (Decimal("27.41"), Decimal("2.50"))
    assert ticket["reference_id"] == "gett-order-1"
    (ordered,) = ticket["line_items"]
    assert (ordered["catalog_object_id"], ordered["quantity"]) == ("BURGER-V", "2")
    assert [(m["catalog_object_id"], m["quantity"]) for m in ordered["modifiers"]] == [("RARE", "1"), ("BACON", "1")]
    (pickup,) = ticket["fulfillments"]
    assert (pickup["type"], pickup["state"]) == ("PICKUP", "PROPOSED")
    assert pickup["pickup_details"]["recipient"] == {
        "display_name": "Ada Lovelace",
        "phone_number": "+15555550100",
        "email_address": "ada@gett.example",
    }
    assert pickup["pickup_details"]["prep_time_duration"] == "PT20M"
    assert (payment["source_type"], payment["order_id"]) == ("EXTERNAL", ticket["id"])
    assert (payment["amount_money"]["amount"], payment["tip_money"]["amount"]) == (2491, 250)
    assert ticket["net_amount_due_money"]["amount"] == 0


def test_a_delivery_has_address_and_instructions(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    address = {"address1": "1 Pier", "address2": "Berth 2", "city": "Oakland", "state": "CA", "postalCode": "94607"}
    info = {"address": address, "instructions": "ring twice"}
    place(adapter, store, fulfillmentType="DeliveryByMerchant", deliveryInfo=info, customer=None)
    (ticket,) = square.orders.values()
    (delivery,) = ticket["fulfillments"]
    assert (delivery["type"], delivery["delivery_details"]["note"]) == ("DELIVERY", "ring twice")
    assert delivery["delivery_details"]["recipient"] == {
        "display_name": "Gett guest",
        "address": {
            "address_line_1": "1 Pier",
            "address_line_2": "Berth 2",
            "locality": "Oakland",
            "administrative_district_level_1": "CA",
            "postal_code": "94607",
        },
    }


def test_the_selected_variation_is_ordered(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    adapter.place_order(store, order(LATTE), KEY)
    (ticket,) = square.orders.values()
    (ordered,) = ticket["line_items"]
    assert ordered["catalog_object_id"] == "LATTE-L"
    assert [(m["catalog_object_id"], m["quantity"]) for m in ordered["modifiers"]] == [("VANILLA", "2")]


def test_a_free_order_needs_no_payment(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    square.set_price("WATER-V", 0)
    placed = adapter.place_order(store, order(line("WATER-V")), KEY)
    assert isinstance(placed, Placed)
    assert square.payments == {}
    assert square.orders[placed.id]["tenders"]


def test_the_same_key_makes_one_ticket_and_one_payment(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    with ThreadPoolExecutor(4) as pool:
        placed = list(pool.map(lambda _: place(adapter, store, **TIPPED), range(4)))
    placed.append(place(SquareAdapter(), store, **TIPPED))
    assert len({each.id for each in placed}) == len(square.orders) == len(square.payments) == 1
    assert {each.amounts.total for each in placed if each.amounts} == {Decimal("27.41")}


@pytest.mark.parametrize("call", ["POST /v2/orders", "POST /v2/payments"])
@pytest.mark.parametrize("after", [False, True])
def test_a_lost_response_is_resolved_by_repeating_the_call(
    adapter: SquareAdapter, square: FakeSquare, store: Store, call: str, after: bool
) -> None:
    square.fail(call, 503, after=after)
    with pytest.raises(SquareError):
        place(adapter, store)
    assert square.count(call) == 1
    paid = call == "POST /v2/payments" and after
    assert (adapter.find_order(store, "gett-order-1") is not None) is paid
    place(adapter, store)
    assert (len(square.orders), len(square.payments)) == (1, 1)


@pytest.mark.parametrize("status", [409, 429, 500])
def test_the_sdk_does_not_retry(adapter: SquareAdapter, square: FakeSquare, store: Store, status: int) -> None:
    square.fail("POST /v2/orders", status)
    with pytest.raises((SquareError, NotPlaced)):
        place(adapter, store)
    assert square.calls == [("POST", "/v2/orders")]


def test_without_a_connection_nothing_is_placed(adapter: SquareAdapter, store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    unreachable = replace(store, options={"base_url": f"http://127.0.0.1:{port}"})
    with call_deadline(60), pytest.raises(NotPlaced):
        adapter.place_order(unreachable, order(), KEY)


def test_a_failed_payment_call_leaves_the_order_in_doubt(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    square.fail("POST /v2/payments", 429, "RATE_LIMITED")
    with call_deadline(60), pytest.raises(SquareError):  # not NotPlaced: the order exists
        place(adapter, store)


@pytest.mark.parametrize("status", [401, 403, 429])
def test_401_403_and_429_mean_not_placed(adapter: SquareAdapter, square: FakeSquare, store: Store, status: int) -> None:
    square.fail("POST /v2/orders", status, "RATE_LIMITED")
    with pytest.raises(NotPlaced):
        place(adapter, store)


def test_a_call_ends_at_its_deadline(adapter: SquareAdapter, store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections and never responds
        slow = replace(store, options={"base_url": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        with call_deadline(1), pytest.raises(requests.exceptions.ReadTimeout):
            adapter.place_order(slow, order(), KEY)


def test_changed_options_between_two_attempts_make_no_second_ticket(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    first = place(adapter, store)
    assert place(adapter, make_store(square, preparation_minutes=45)).id == first.id
    assert (len(square.orders), len(square.payments)) == (1, 1)


def test_squares_refusal_keeps_its_message(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    result = adapter.place_order(store, order(BURGER, line("UNKNOWN")), KEY)
    assert refusals(result) == [(Reason.ITEM_UNKNOWN, "UNKNOWN", "$.cart.lineItems[1]")]
    assert isinstance(result, Refused)
    assert result.refusals[0].message == "Catalog object UNKNOWN not found."
    assert square.orders == {}


def test_a_refused_payment_cancels_the_order(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    square.fail("POST /v2/payments", 400, "BAD_REQUEST")
    assert refusals(adapter.place_order(store, order(), KEY)) == [(Reason.PAYMENT_FAILED, None, None)]
    (ended,) = square.orders.values()
    assert (ended["state"], ended["fulfillments"][0]["state"]) == ("CANCELED", "CANCELED")
    # again with the same key: it stays cancelled
    assert refusals(adapter.place_order(store, order(), KEY)) == [(Reason.PAYMENT_FAILED, None, None)]


def test_a_token_that_may_not_take_payments_is_a_refusal(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    """The order exists, and no attempt will ever pay it: it is cancelled, and not in doubt."""
    square.fail("POST /v2/payments", 403, "INSUFFICIENT_SCOPES")
    result = adapter.place_order(store, order(), placement_key(store, "gett-order-1"))
    assert isinstance(result, Refused)
    assert result.refusals[0].reason is Reason.PAYMENT_FAILED
    assert [each["state"] for each in square.orders.values()] == ["CANCELED"]


def test_a_tip_that_the_currency_does_not_have_is_refused(adapter: SquareAdapter) -> None:
    with FakeSquare("JPY") as square:
        store = make_store(fill_catalog(square))
        for each in ("BURGER-V", "RARE", "BACON"):
            square.sellable(each)["price_money"]["currency"] = "JPY"
        quoted = adapter.quote(store, order(amounts={"tip": 1.5}))
        assert isinstance(quoted, Refused)
        assert quoted.refusals[0].json_path == "$.amounts.tip"
        placed = adapter.place_order(store, order(amounts={"tip": 1.5}), placement_key(store, "gett-order-1"))
        assert isinstance(placed, Refused)
        assert [each["state"] for each in square.orders.values()] == ["CANCELED"]


def test_texts_that_cannot_be_sent_are_repaired(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    """Half of an emoji cannot be encoded, and a control character shows as nothing or worse."""
    half = "\ud83c"
    customer = {"firstName": f"A\0da{half} 👩‍🍳", "phone": "+1 (555) 555-0100 ext. 12"}
    place(adapter, store, customer=customer, deliveryInfo={"type": "door", "instructions": f"ring{half}\0\ntwice"})
    place(adapter, store, "gett-order-2", customer={"firstName": f"\0{half}"})
    first, second = (each["fulfillments"][0]["pickup_details"] for each in square.orders.values())
    assert first["recipient"] == {"display_name": "Ada 👩‍🍳", "phone_number": "+15555550100"}
    assert first["note"] == "ring\ntwice"
    assert second["recipient"]["display_name"] == "Gett guest"


def test_exceptions_do_not_contain_squares_texts(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    square.fail("POST /v2/orders", 500)
    with pytest.raises(SquareError) as error:
        place(adapter, store)
    assert "set by the test" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__
