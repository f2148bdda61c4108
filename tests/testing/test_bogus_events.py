"""Events and state of the fake POS: progress, stores, cancellations."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from webhook_kit.adapter import (
    Capability,
    CatalogChanged,
    OrderChanged,
    OrderState,
    OrderStatus,
    Placed,
    PosOrder,
    Store,
    StoreChanged,
    StoreState,
    placement_key,
)
from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.models.order import Amounts, Cart, LineItem, PlaceOrderRequest
from webhook_kit.testing.bogus import BogusAdapter

POS = BogusAdapter()
PAST = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "pos.sqlite")


@pytest.fixture
def store(file: str) -> Store:
    return Store("main", "gett", "bogus", options={"file": file})


def place(store: Store, item: str, ref: str) -> Placed:
    cart = Cart(store_id="s", line_items=[LineItem(item_id=item)])
    order = PlaceOrderRequest(gett_order_id=ref, cart=cart, fulfillment_type="Pickup", amounts=Amounts())
    placed = POS.place_order(store, order, placement_key(store, ref))
    assert isinstance(placed, Placed)
    return placed


def test_it_offers_every_capability() -> None:
    assert all(BogusAdapter.offers(capability) for capability in Capability)


def test_events_are_parsed() -> None:
    events = [
        {"type": "order", "store_id": "main", "order_id": "1", "status": "ready"},
        {"type": "order", "store_id": "main", "order_ref": "r", "estimated_ready_at": "2031-05-01T18:30:00Z"},
        {"type": "store", "store_id": "main", "state": "down"},
        {"type": "catalog", "store_id": "main"},
    ]
    assert POS.parse_event({"x-bogus-secret": "bogus-secret"}, json.dumps({"events": events}).encode(), {}) == [
        OrderChanged("main", "1", status=OrderStatus.READY),
        OrderChanged("main", order_ref="r", estimated_ready_at=datetime(2031, 5, 1, 18, 30, tzinfo=UTC)),
        StoreChanged("main", StoreState.DOWN),
        CatalogChanged("main"),
    ]


def test_the_secret_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOGUS_POS_SECRET", "other")
    assert POS.parse_event({"x-bogus-secret": "other"}, b'{"events": []}', {}) == []
    for headers in ({"x-bogus-secret": "bogus-secret"}, {}):
        with pytest.raises(InvalidSignature):
            POS.parse_event(headers, b'{"events": []}', {})


def test_a_ticket_advances_until_its_end(store: Store, file: str) -> None:
    accepted, pending = place(store, "cola", "1"), place(store, "pending", "2")
    assert POS.orders_since(store, PAST) == [
        PosOrder(accepted.id, "1", status=OrderStatus.CONFIRMED),
        PosOrder(pending.id, "2"),
    ]
    BogusAdapter.advance(file, accepted.id, "ready")
    BogusAdapter.advance(file, accepted.id, "completed")
    POS.cancel_order(store, pending, "no oven")
    assert POS.orders_since(store, PAST) == [
        PosOrder(accepted.id, "1", status=OrderStatus.READY, state=OrderState.COMPLETED),
        PosOrder(pending.id, "2", state=OrderState.CANCELLED, reason="no oven"),
    ]
    with pytest.raises(LookupError):
        BogusAdapter.advance(file, accepted.id, "preparing")
    with pytest.raises(LookupError):
        POS.cancel_order(store, pending, "again")


def test_only_changed_orders_of_the_store_are_returned(store: Store, file: str) -> None:
    place(store, "cola", "1")
    assert POS.orders_since(store, datetime.now(UTC) + timedelta(seconds=1)) == []
    assert POS.orders_since(Store("other", "gett", "bogus", options={"file": file}), PAST) == []


def test_a_store_is_open_by_default(store: Store, file: str) -> None:
    assert POS.store_status(store) is StoreState.OPEN
    BogusAdapter.set_state(file, "main", StoreState.DOWN)
    assert POS.store_status(store) is StoreState.DOWN
    BogusAdapter.set_state(file, "main", StoreState.OPEN)
    assert POS.store_status(store) is StoreState.OPEN
    assert POS.store_status(Store("main", "gett", "bogus", options={"file": file, "closed": True})) is StoreState.CLOSED
