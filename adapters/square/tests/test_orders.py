"""Orders at a Square that keeps state: priced, placed once, paid, found, cancelled."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.fake_square import LOCATION, FakeSquare
from tests.harbour import BURGER, LATTE, line, order, store
from webhook_kit.adapter import (
    NotPlaced,
    OrderState,
    Placed,
    PosOrder,
    Reason,
    Refused,
    Store,
    StoreState,
    placement_key,
)
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.order import Amounts
from webhook_kit.pos.session import call_deadline
from webhook_kit_square import SquareAdapter
from webhook_kit_square.api import SquareError

KEY = "1b4e28ba-2fa1-51d2-883f-0016d3cca427"
TIPPED: dict[str, Any] = {"amounts": {"tip": 2.5}}


def place(adapter: SquareAdapter, store: Store, ref: str = "gett-order-1", **more: Any) -> Placed:
    placed = adapter.place_order(store, order(ref=ref, **more), placement_key(store, ref))
    assert isinstance(placed, Placed), placed
    return placed


def refusals(said: object) -> list[tuple[Reason, str | None, str | None]]:
    assert isinstance(said, Refused), said
    return [(each.reason, each.item_id, each.json_path) for each in said.refusals]


# -- price -------------------------------------------------------------------------------------------------------------


def test_a_quote_is_what_square_charges_with_taxes_and_the_tip(adapter: SquareAdapter, harbour: Store) -> None:
    quoted = adapter.quote(harbour, order(BURGER, LATTE, **TIPPED))
    assert isinstance(quoted, Amounts)
    # 2 × (9.95 + 1.49) + (4.50 + 2 × 0.60) = 22.88 + 5.70; 8.875 % of each line: 2.03 + 0.51
    assert (quoted.sub_total, quoted.taxes, quoted.tip) == (Decimal("28.58"), Decimal("2.54"), Decimal("2.50"))
    assert quoted.total == Decimal("33.62")
    assert quoted.contradictions() == []


def test_a_tax_within_the_price_changes_no_total(adapter: SquareAdapter, square: FakeSquare, harbour: Store) -> None:
    square.catalog["SALES"]["tax_data"]["inclusion_type"] = "INCLUSIVE"
    quoted = adapter.quote(harbour, order())
    assert isinstance(quoted, Amounts)
    assert (quoted.total, quoted.taxes) == (Decimal("22.88"), Decimal("1.87"))
    assert quoted.contradictions() == []


def test_a_quote_leaves_nothing_behind_and_says_nothing_of_the_customer(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    adapter.quote(harbour, order())
    assert (square.orders, square.payments) == ({}, {})
    assert "Ada" not in str(square.bodies)


def test_what_has_run_out_is_refused_where_it_stands_though_square_would_sell_it(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    square.sell_out("BACON")
    square.sell_out("LATTE-L")
    assert refusals(adapter.quote(harbour, order(BURGER, LATTE))) == [
        (Reason.ITEM_UNAVAILABLE, "BACON", "$.cart.lineItems[0].modifierGroups[1].selectedModifiers[0]"),
        (Reason.ITEM_UNAVAILABLE, "LATTE-L", "$.cart.lineItems[1].modifierGroups[0].selectedModifiers[0]"),
    ]


def test_a_location_that_is_not_active_is_closed(adapter: SquareAdapter, square: FakeSquare, harbour: Store) -> None:
    square.location["status"] = "INACTIVE"
    assert refusals(adapter.quote(harbour, order())) == [(Reason.STORE_CLOSED, None, None)]


def test_what_square_does_not_know_is_refused_where_it_stands(adapter: SquareAdapter, harbour: Store) -> None:
    said = adapter.quote(harbour, order(BURGER, line("GONE")))
    assert refusals(said) == [(Reason.ITEM_UNKNOWN, "GONE", "$.cart.lineItems[1]")]


def test_a_modifier_of_a_modifier_and_a_foreign_fulfillment_are_refused_rather_than_lost(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    deep = line("BURGER-V", {"DONENESS": [line("RARE", {"DEEPER": [line("BACON")]})]})
    said = adapter.place_order(harbour, order(deep, fulfillmentType="Drone"), KEY)
    assert refusals(said) == [
        (Reason.OTHER, None, "$.fulfillmentType"),
        (Reason.MODIFIER_FOREIGN, "RARE", "$.cart.lineItems[0].modifierGroups[0].selectedModifiers[0]"),
    ]
    assert square.calls == []


# -- tickets -----------------------------------------------------------------------------------------------------------


def test_a_ticket_holds_the_whole_order_and_is_paid(adapter: SquareAdapter, square: FakeSquare, harbour: Store) -> None:
    placed = place(adapter, harbour, **TIPPED)
    (ticket,), (payment,) = square.orders.values(), square.payments.values()
    assert (placed.id, placed.status) == (ticket["id"], "accepted")
    assert placed.amounts is not None
    assert (placed.amounts.total, placed.amounts.tip) == (Decimal("27.41"), Decimal("2.50"))
    assert ticket["reference_id"] == "gett-order-1"
    (sold,) = ticket["line_items"]
    assert (sold["catalog_object_id"], sold["quantity"]) == ("BURGER-V", "2")
    assert [(m["catalog_object_id"], m["quantity"]) for m in sold["modifiers"]] == [("RARE", "1"), ("BACON", "1")]
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


def test_a_delivery_brings_address_and_instructions(adapter: SquareAdapter, square: FakeSquare, harbour: Store) -> None:
    address = {"address1": "1 Pier", "address2": "Berth 2", "city": "Oakland", "state": "CA", "postalCode": "94607"}
    info = {"address": address, "instructions": "ring twice"}
    place(adapter, harbour, fulfillmentType="DeliveryByMerchant", deliveryInfo=info, customer=None)
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


def test_an_item_of_several_variations_is_ordered_as_the_one_chosen(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    adapter.place_order(harbour, order(LATTE), KEY)
    (ticket,) = square.orders.values()
    (sold,) = ticket["line_items"]
    assert sold["catalog_object_id"] == "LATTE-L"
    assert [(m["catalog_object_id"], m["quantity"]) for m in sold["modifiers"]] == [("VANILLA", "2")]


def test_a_free_order_is_settled_without_a_payment(adapter: SquareAdapter, square: FakeSquare, harbour: Store) -> None:
    square.set_price("WATER-V", 0)
    placed = adapter.place_order(harbour, order(line("WATER-V")), KEY)
    assert isinstance(placed, Placed)
    assert square.payments == {}
    assert square.orders[placed.id]["tenders"]


def test_the_same_key_makes_one_ticket_and_one_payment_at_any_time(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    with ThreadPoolExecutor(4) as pool:
        placed = list(pool.map(lambda _: place(adapter, harbour, **TIPPED), range(4)))
    placed.append(place(SquareAdapter(), harbour, **TIPPED))
    assert len({each.id for each in placed}) == len(square.orders) == len(square.payments) == 1
    assert {each.amounts.total for each in placed if each.amounts} == {Decimal("27.41")}


@pytest.mark.parametrize("call", ["POST /v2/orders", "POST /v2/payments"])
@pytest.mark.parametrize("after", [False, True])
def test_an_answer_that_is_lost_is_settled_by_asking_again_and_the_sdk_does_not_ask_by_itself(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store, call: str, after: bool
) -> None:
    square.fail(call, 503, after=after)
    with pytest.raises(SquareError):
        place(adapter, harbour)
    assert square.made(call) == 1
    paid = call == "POST /v2/payments" and after
    assert (adapter.find_order(harbour, "gett-order-1") is not None) is paid
    place(adapter, harbour)
    assert (len(square.orders), len(square.payments)) == (1, 1)


@pytest.mark.parametrize("status", [409, 429, 500])
def test_no_call_is_tried_again_behind_the_kits_back(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store, status: int
) -> None:
    square.fail("POST /v2/orders", status)
    with pytest.raises((SquareError, NotPlaced)):
        place(adapter, harbour)
    assert square.calls == [("POST", "/v2/orders")]


def test_nobody_listening_means_that_nothing_was_placed(adapter: SquareAdapter, harbour: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    nowhere = replace(harbour, options={"base_url": f"http://127.0.0.1:{port}"})
    with call_deadline(60), pytest.raises(NotPlaced):
        adapter.place_order(nowhere, order(), KEY)


def test_a_payment_that_does_not_get_through_leaves_the_order_in_doubt(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    square.fail("POST /v2/payments", 429, "RATE_LIMITED")
    with call_deadline(60), pytest.raises(SquareError):  # not NotPlaced: the order is there
        place(adapter, harbour)


@pytest.mark.parametrize("status", [401, 403, 429])
def test_an_order_at_which_square_did_not_look_was_not_placed(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store, status: int
) -> None:
    square.fail("POST /v2/orders", status, "RATE_LIMITED")
    with pytest.raises(NotPlaced):
        place(adapter, harbour)


def test_a_call_ends_at_the_kits_deadline(adapter: SquareAdapter, harbour: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections, and never says a word
        mute = replace(harbour, options={"base_url": f"http://127.0.0.1:{deaf.getsockname()[1]}"})
        with call_deadline(1), pytest.raises(requests.exceptions.ReadTimeout):
            adapter.place_order(mute, order(), KEY)


def test_options_that_change_between_two_attempts_make_no_second_ticket(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    first = place(adapter, harbour)
    assert place(adapter, store(square, preparation_minutes=45)).id == first.id
    assert (len(square.orders), len(square.payments)) == (1, 1)


def test_what_square_refuses_is_refused_with_its_words(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    said = adapter.place_order(harbour, order(BURGER, line("GONE")), KEY)
    assert refusals(said) == [(Reason.ITEM_UNKNOWN, "GONE", "$.cart.lineItems[1]")]
    assert isinstance(said, Refused)
    assert said.refusals[0].message == "Catalog object GONE not found."
    assert square.orders == {}


def test_a_payment_that_square_refuses_ends_the_order(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    square.fail("POST /v2/payments", 400, "BAD_REQUEST")
    assert refusals(adapter.place_order(harbour, order(), KEY)) == [(Reason.PAYMENT_FAILED, None, None)]
    (ended,) = square.orders.values()
    assert (ended["state"], ended["fulfillments"][0]["state"]) == ("CANCELED", "CANCELED")
    # and once more under the same key: cancelled stays cancelled
    assert refusals(adapter.place_order(harbour, order(), KEY)) == [(Reason.PAYMENT_FAILED, None, None)]


def test_what_square_says_of_a_customer_is_in_no_exception(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    square.fail("POST /v2/orders", 500)
    with pytest.raises(SquareError) as failure:
        place(adapter, harbour)
    assert "as the test wants it" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


# -- finding, following, cancelling ------------------------------------------------------------------------------------


def test_a_ticket_is_found_by_getts_name_even_among_many_pages(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    placed = [place(adapter, harbour, ref) for ref in ("one", "two", "three")]
    square.page = 1
    found = adapter.find_order(harbour, "one")
    assert found is not None
    assert (found.id, found.amounts) == (placed[0].id, placed[0].amounts)
    assert adapter.find_order(harbour, "four") is None


def test_a_name_longer_than_square_takes_is_found_and_told_in_full(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    long = "gett-" + "x" * 100
    placed = place(adapter, harbour, long)
    found = adapter.find_order(harbour, long)
    assert found is not None
    assert found.id == placed.id
    (told,) = adapter.orders_since(harbour, datetime.now(UTC) - timedelta(minutes=5))
    assert told.order_ref == long


def test_other_peoples_orders_are_neither_found_nor_told(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    placed = place(adapter, harbour)
    square.orders[placed.id]["source"] = {"name": "Square Online"}
    assert adapter.find_order(harbour, "gett-order-1") is None
    assert adapter.orders_since(harbour, datetime.now(UTC) - timedelta(minutes=5)) == []


@pytest.mark.parametrize(
    ("state", "status", "end"),
    [
        ("PROPOSED", "confirmed", None),
        ("RESERVED", "preparing", None),
        ("PREPARED", "ready", None),
        ("COMPLETED", None, "completed"),
        ("CANCELED", None, "cancelled"),
        ("FAILED", None, "cancelled"),
    ],
)
def test_reconciliation_learns_how_far_an_order_is(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store, state: str, status: str | None, end: str | None
) -> None:
    placed = place(adapter, harbour)
    square.advance(placed.id, state)
    (told,) = adapter.orders_since(harbour, datetime.now(UTC) - timedelta(minutes=5))
    assert (told.id, told.order_ref, told.status, told.state) == (placed.id, "gett-order-1", status, end)
    assert bool(told.reason) is (end == "cancelled")


def test_reconciliation_learns_what_changed_since_and_no_more(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    early, late = place(adapter, harbour, "early"), place(adapter, harbour, "late")
    since = datetime.fromisoformat(square.orders[late.id]["updated_at"])
    assert [told.id for told in adapter.orders_since(harbour, since)] == [late.id]
    square.advance(early.id, "RESERVED")
    assert {told.id for told in adapter.orders_since(harbour, since)} == {early.id, late.id}


def test_an_order_that_was_never_paid_is_not_told(adapter: SquareAdapter, square: FakeSquare, harbour: Store) -> None:
    square.fail("POST /v2/payments", 503)
    with pytest.raises(SquareError):
        place(adapter, harbour)
    assert adapter.orders_since(harbour, datetime.now(UTC) - timedelta(minutes=5)) == []


@pytest.mark.parametrize("fulfillment", ["Pickup", "DeliveryByMerchant"])
def test_an_order_is_taken_back_with_the_reason(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store, fulfillment: str
) -> None:
    placed = place(adapter, harbour, fulfillmentType=fulfillment)
    adapter.cancel_order(harbour, placed, "the guest is gone")
    (cancelled,) = square.orders[placed.id]["fulfillments"]
    assert cancelled["state"] == "CANCELED"
    assert "the guest is gone" in str(cancelled)
    (told,) = adapter.orders_since(harbour, datetime.now(UTC) - timedelta(minutes=5))
    assert told == PosOrder(placed.id, "gett-order-1", state=OrderState.CANCELLED, reason=told.reason)
    adapter.cancel_order(harbour, placed, "once more")  # harmless
    assert square.made(f"PUT /v2/orders/{placed.id}") == 1


@pytest.mark.parametrize(("status", "code"), [(400, "VERSION_MISMATCH"), (409, "CONFLICT")])
def test_an_order_that_moved_on_meanwhile_is_read_again_once(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store, status: int, code: str
) -> None:
    placed = place(adapter, harbour)
    update = f"PUT /v2/orders/{placed.id}"
    square.fail(update, status, code)
    adapter.cancel_order(harbour, placed, "gone")
    assert square.orders[placed.id]["fulfillments"][0]["state"] == "CANCELED"
    assert (square.made(update), square.made(f"GET /v2/orders/{placed.id}")) == (2, 2)


def test_an_order_that_keeps_moving_is_given_up(adapter: SquareAdapter, square: FakeSquare, harbour: Store) -> None:
    placed = place(adapter, harbour)
    for _ in range(2):
        square.fail(f"PUT /v2/orders/{placed.id}", 409, "CONFLICT")
    with pytest.raises(SquareError):
        adapter.cancel_order(harbour, placed, "gone")
    assert square.made(f"PUT /v2/orders/{placed.id}") == 2


def test_an_order_that_was_handed_over_cannot_be_taken_back(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    placed = place(adapter, harbour)
    square.advance(placed.id, "COMPLETED")
    with pytest.raises(SquareError):
        adapter.cancel_order(harbour, placed, "too late")


# -- the store ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "state"), [("ACTIVE", StoreState.OPEN), ("INACTIVE", StoreState.CLOSED)])
def test_a_store_is_open_while_its_location_is_active(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store, status: str, state: StoreState
) -> None:
    square.location["status"] = status
    assert adapter.store_status(harbour) is state


def test_a_location_that_square_does_not_know_is_a_failure(adapter: SquareAdapter, harbour: Store) -> None:
    with pytest.raises(SquareError, match="NOT_FOUND"):
        adapter.store_status(replace(harbour, id="LNOWHERE"))


@pytest.mark.parametrize(
    ("change", "what"),
    [({"credentials": {}}, "credentials.token"), ({"options": {"environment": "moon"}}, "production or sandbox")],
)
def test_a_store_that_is_not_set_up_says_what_is_missing(
    adapter: SquareAdapter, harbour: Store, change: dict[str, Any], what: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{LOCATION}: .*{what}"):
        adapter.store_status(replace(harbour, **change))


def test_the_token_is_in_no_failure(adapter: SquareAdapter, harbour: Store) -> None:
    stranger = replace(harbour, credentials={"token": "not-the-token"})
    with pytest.raises(SquareError, match="UNAUTHORIZED") as failure:
        adapter.fetch_catalog(stranger)
    assert "not-the-token" not in repr(failure.value) + str(failure.value)
