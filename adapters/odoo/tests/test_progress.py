"""Orders in a real Odoo after their placement: cancellation, progress, lost responses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.odoo_pos import OdooPos, order_of, place, wire
from webhook_kit import (
    InvalidTransition,
    NotFound,
    OrderState,
    OrderStatus,
    Placed,
    PosOrder,
    Store,
    placement_key,
)
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.client import OdooError


def test_an_order_is_cancelled_with_the_reason(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    placed = place(adapter, store, order_of(water))
    adapter.cancel_order(store, placed, "not confirmed in time")
    adapter.cancel_order(store, placed, "not confirmed in time")
    (ticket,) = pos.orders()
    assert ticket["state"] == "cancel"
    assert ticket["general_customer_note"].split("\n")[1:] == ["not confirmed in time"]


def test_an_order_with_a_slot_tomorrow_is_cancelled(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    placed = place(adapter, store, order_of(water))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
    pos.server.write("pos.order", pos.number(placed.id), preset_time=tomorrow)
    adapter.cancel_order(store, placed, "too far away")
    assert pos.server.one("pos.order", [("uuid", "=", placed.id)], "state")["state"] == "cancel"


def test_a_completed_or_unknown_order_cannot_be_cancelled(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    placed = place(adapter, store, order_of(water))
    pos.pay(placed.id)
    with pytest.raises(InvalidTransition, match="refund it in Odoo"):
        adapter.cancel_order(store, placed, "too late")
    with pytest.raises(NotFound, match="has no order"):
        adapter.cancel_order(store, Placed(str(uuid4())), "unknown")


def test_changed_orders_are_returned_ended_ones_included(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    since = datetime.now(UTC)
    orders = [order_of(water) for _ in range(4)]
    ids = [place(adapter, store, order).id for order in orders]
    pos.progress(ids[1], "ready")
    pos.pay(ids[2])
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


def test_a_changed_note_costs_only_the_order_ref(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    since = datetime.now(UTC)
    ids = [place(adapter, store, order_of(water)).id for _ in range(2)]
    pos.server.write("pos.order", pos.number(ids[0]), general_customer_note="no ice")
    pos.server.write("pos.order", pos.number(ids[1]), general_customer_note="Gett another-order")
    assert [(each.id, each.order_ref) for each in adapter.orders_since(store, since)] == [(ids[0], ""), (ids[1], "")]


def test_orders_of_other_channels_are_not_returned(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    sent = wire(pos, store, order_of(water))
    table = {**sent, "general_customer_note": "table 4", "floating_order_name": "Bob", "payment_ids": []}
    pos.api.call("pos.order", "sync_from_ui", orders=[table])
    assert adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=1)) == []


def test_with_acceptance_staff_a_ticket_is_pending_until_accepted(
    pos: OdooPos, adapter: OdooAdapter, water: dict[str, Any]
) -> None:
    store, since, order = pos.store(acceptance="staff"), datetime.now(UTC), order_of(water)
    placed = place(adapter, store, order)
    assert (placed.status, pos.orders()[0]["x_gett_progress"]) == ("pending", "pending")
    assert adapter.find_order(store, order.order_ref) == placed
    assert [(each.status, each.state) for each in adapter.orders_since(store, since)] == [(None, None)]
    pos.progress(placed.id, "confirmed")
    accepted = adapter.find_order(store, order.order_ref)
    assert accepted is not None
    assert accepted.status == "accepted"
    assert [each.status for each in adapter.orders_since(store, since)] == ["confirmed"]


def test_exceptions_do_not_contain_records(pos: OdooPos, store: Store, water: dict[str, Any]) -> None:
    sent = {**wire(pos, store, order_of(water)), "mobile": "+12125550187", "company_id": 4711}
    with pytest.raises(OdooError) as error:
        pos.api.call("pos.order", "sync_from_ui", orders=[sent])
    assert "+12125550187" not in str(error.value)


def test_without_a_response_the_order_is_in_doubt(
    adapter: OdooAdapter,
    store: Store,
    water: dict[str, Any],
    pos: OdooPos,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The adapter does not look it up itself: the kit does, after a delay."""
    post = requests.Session.post

    def lose_response(session: requests.Session, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        response = post(session, url, *args, **kwargs)
        if url.endswith("sync_from_ui"):
            raise requests.exceptions.ConnectionError("lost")
        return response

    order = order_of(water)
    with monkeypatch.context() as patched:
        patched.setattr(requests.Session, "post", lose_response)
        with pytest.raises(requests.exceptions.ConnectionError):
            adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert len(pos.orders()) == 1
    assert place(adapter, store, order).id == pos.orders()[0]["uuid"]
