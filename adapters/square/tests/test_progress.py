"""Orders at a fake Square after their placement: look-up, progress, cancellation, and the state of the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fake_square import FakeSquare
from tests.square_messages import LOCATION
from tests.square_seller import place
from webhook_kit import (
    ConfigurationError,
    OrderState,
    PosOrder,
    Store,
    StoreState,
)
from webhook_kit_square import SquareAdapter
from webhook_kit_square.api import SquareError

KEY = "1b4e28ba-2fa1-51d2-883f-0016d3cca427"
TIPPED: dict[str, Any] = {"amounts": {"tip": 2.5}}


def test_a_ticket_is_found_by_order_ref_among_many_pages(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    placed = [place(adapter, store, ref) for ref in ("one", "two", "three")]
    square.page = 1
    ticket = adapter.find_order(store, "one")
    assert ticket is not None
    assert (ticket.id, ticket.amounts) == (placed[0].id, placed[0].amounts)
    assert adapter.find_order(store, "four") is None


def test_a_long_order_ref_is_found_and_returned_in_full(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    long = "gett-" + "x" * 100
    placed = place(adapter, store, long)
    ticket = adapter.find_order(store, long)
    assert ticket is not None
    assert ticket.id == placed.id
    (current,) = adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=5))
    assert current.order_ref == long


def test_orders_of_other_channels_are_neither_found_nor_returned(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    placed = place(adapter, store)
    square.orders[placed.id]["source"] = {"name": "Square Online"}
    assert adapter.find_order(store, "gett-order-1") is None
    assert adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=5)) == []


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
def test_an_orders_progress_is_returned(
    adapter: SquareAdapter, square: FakeSquare, store: Store, state: str, status: str | None, end: str | None
) -> None:
    placed = place(adapter, store)
    square.advance(placed.id, state)
    (current,) = adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=5))
    assert (current.id, current.order_ref, current.status, current.state) == (placed.id, "gett-order-1", status, end)
    assert bool(current.reason) is (end == "cancelled")


def test_only_orders_changed_since_are_returned(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    early, late = place(adapter, store, "early"), place(adapter, store, "late")
    since = datetime.fromisoformat(square.orders[late.id]["updated_at"])
    assert [each.id for each in adapter.orders_since(store, since)] == [late.id]
    square.advance(early.id, "RESERVED")
    assert {each.id for each in adapter.orders_since(store, since)} == {early.id, late.id}


def test_an_unpaid_order_is_not_returned(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    square.fail("POST /v2/payments", 503)
    with pytest.raises(SquareError):
        place(adapter, store)
    assert adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=5)) == []


@pytest.mark.parametrize("fulfillment", ["Pickup", "DeliveryByMerchant"])
def test_an_order_is_cancelled_with_the_reason(
    adapter: SquareAdapter, square: FakeSquare, store: Store, fulfillment: str
) -> None:
    placed = place(adapter, store, fulfillmentType=fulfillment)
    adapter.cancel_order(store, placed, "the customer changed their mind")
    (cancelled,) = square.orders[placed.id]["fulfillments"]
    assert cancelled["state"] == "CANCELED"
    assert "the customer changed their mind" in str(cancelled)
    (current,) = adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=5))
    assert current == PosOrder(placed.id, "gett-order-1", state=OrderState.CANCELLED, reason=current.reason)
    adapter.cancel_order(store, placed, "again")  # has no effect
    assert square.count(f"PUT /v2/orders/{placed.id}") == 1


def test_a_reason_that_cannot_be_sent_is_repaired(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    placed = place(adapter, store)
    adapter.cancel_order(store, placed, "too\0 late\ud83c")
    assert square.orders[placed.id]["fulfillments"][0]["pickup_details"]["cancel_reason"] == "too late"


@pytest.mark.parametrize(("status", "code"), [(400, "VERSION_MISMATCH"), (409, "CONFLICT")])
def test_an_order_that_changed_meanwhile_is_read_again_once(
    adapter: SquareAdapter, square: FakeSquare, store: Store, status: int, code: str
) -> None:
    placed = place(adapter, store)
    update = f"PUT /v2/orders/{placed.id}"
    square.fail(update, status, code)
    adapter.cancel_order(store, placed, "no cook")
    assert square.orders[placed.id]["fulfillments"][0]["state"] == "CANCELED"
    assert (square.count(update), square.count(f"GET /v2/orders/{placed.id}")) == (2, 2)


def test_an_order_that_keeps_changing_is_an_error(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    placed = place(adapter, store)
    for _ in range(2):
        square.fail(f"PUT /v2/orders/{placed.id}", 409, "CONFLICT")
    with pytest.raises(SquareError):
        adapter.cancel_order(store, placed, "no cook")
    assert square.count(f"PUT /v2/orders/{placed.id}") == 2


def test_a_completed_order_cannot_be_cancelled(adapter: SquareAdapter, square: FakeSquare, store: Store) -> None:
    placed = place(adapter, store)
    square.advance(placed.id, "COMPLETED")
    with pytest.raises(SquareError):
        adapter.cancel_order(store, placed, "too late")


# -- the store ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "state"), [("ACTIVE", StoreState.OPEN), ("INACTIVE", StoreState.CLOSED)])
def test_a_store_is_open_while_its_location_is_active(
    adapter: SquareAdapter, square: FakeSquare, store: Store, status: str, state: StoreState
) -> None:
    square.location["status"] = status
    assert adapter.store_status(store) is state


def test_an_unknown_location_is_an_error(adapter: SquareAdapter, store: Store) -> None:
    with pytest.raises(SquareError, match="NOT_FOUND"):
        adapter.store_status(replace(store, id="LNOWHERE"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"credentials": {}}, "credentials.token"), ({"options": {"environment": "moon"}}, "'production' or 'sandbox'")],
)
def test_a_wrong_configuration_is_reported(
    adapter: SquareAdapter, store: Store, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{LOCATION}: .*{complaint}"):
        adapter.store_status(replace(store, **change))


def test_exceptions_do_not_contain_the_token(adapter: SquareAdapter, store: Store) -> None:
    unauthorized = replace(store, credentials={"token": "not-the-token"})
    with pytest.raises(SquareError, match="UNAUTHORIZED") as error:
        adapter.fetch_catalog(unauthorized)
    assert "not-the-token" not in repr(error.value) + str(error.value)
