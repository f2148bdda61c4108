"""Events of a POS about orders: their effect, and those that are held."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from tests.webhooks.pos_event_client import OrderInPlacement, order, send
from webhook_kit.kit import Kit
from webhook_kit.storage.connection import text


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """Capture the log, so that expected errors are not printed."""


def test_order_is_found_by_order_id_or_order_ref(kit: Kit) -> None:
    placed = OrderInPlacement(kit).placed()
    events = [order("confirmed", order_id=placed.pos_id), order("preparing", order_ref=placed.ref)]
    assert send(kit, *events) == ["ok", "ok"]
    assert placed.appended == ["confirmed", "preparing"]
    assert kit.redis.zscore(kit.keys.unconfirmed, placed.ref) is None


def test_duplicate_or_late_event_is_accepted_and_changes_nothing(kit: Kit) -> None:
    placed = OrderInPlacement(kit).placed()
    events = [
        order("ready", order_id=placed.pos_id),
        order("ready", order_id=placed.pos_id),
        order("confirmed", order_id=placed.pos_id),
        order(None, state="completed", order_id=placed.pos_id),
        order("ready", order_id=placed.pos_id),
    ]
    assert send(kit, *events) == ["ok", "duplicate", "stale", "ok", "closed"]
    assert placed.appended == ["ready", "completed"]
    counts = {text(name): int(number) for name, number in kit.redis.hgetall(kit.keys.pos_event_counts).items()}
    assert counts == {"ok": 2, "duplicate": 1, "stale": 1, "closed": 1}


@pytest.mark.parametrize("status", ["pending", "burnt", None])
def test_invalid_status_is_refused_with_the_reason_and_not_held(status: str | None, kit: Kit) -> None:
    (outcome,) = send(kit, order(status, order_id="unknown"))
    assert outcome.startswith("refused: ")
    assert kit.redis.llen(kit.keys.held_events) == 0


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (
            order("burnt", order_id="7"),
            "OrderChanged.status must be CONFIRMED, PREPARING, READY or IN_TRANSIT, not 'burnt'",
        ),
        (
            order(None, state="lost", order_id="7"),
            "OrderChanged.state must be OPEN, COMPLETED or CANCELLED, not 'lost'",
        ),
        (order(None, order_id="7"), "OrderChanged has neither a status nor a state that ends the order"),
        ({"type": "store", "store_id": "main", "state": "unknown"}, "StoreChanged.state must be OPEN, CLOSED or DOWN"),
    ],
)
def test_invalid_value_is_refused_with_its_field_and_the_allowed_values(
    event: dict[str, Any], reason: str, kit: Kit
) -> None:
    assert send(kit, event) == [f"refused: {reason}"]


def test_cancellation_without_a_reason_gets_one(kit: Kit) -> None:
    placed = OrderInPlacement(kit).placed()
    assert send(kit, order(None, state="cancelled", order_id=placed.pos_id)) == ["ok"]
    (waiting,) = kit.lanes.waiting(placed.lane)
    assert waiting["body"] == {"state": "cancelled", "cancelReason": "cancelled at the POS"}


def test_estimate_is_sent_until_the_order_is_ready(kit: Kit) -> None:
    placed = OrderInPlacement(kit).placed()
    at = "2031-05-01T18:30:00Z"
    assert send(kit, order("preparing", order_id=placed.pos_id, estimated_ready_at=at)) == ["ok"]
    assert kit.lanes.waiting(placed.lane)[-1]["body"] == {"status": "preparing", "estimatedReadyAt": at}
    assert send(kit, order("ready", order_id=placed.pos_id, estimated_ready_at=at)) == ["ok"]
    assert kit.lanes.waiting(placed.lane)[-1]["body"] == {"status": "ready"}


def test_adapter_cannot_send_events_of_other_stores_or_their_orders(kit: Kit) -> None:
    placed = OrderInPlacement(kit).placed()
    events = [order("ready", store_id="other", order_ref=placed.ref), {"type": "catalog", "store_id": "other"}]
    assert all(outcome.startswith("refused: ") for outcome in send(kit, *events))
    assert placed.appended == []
    order_of_other_store = OrderInPlacement(kit, store_id="other").placed()
    assert send(kit, order("ready", order_ref=order_of_other_store.ref)) == ["held"]
    assert order_of_other_store.appended == []


@pytest.mark.parametrize(
    "event",
    [
        {"type": "order", "store_id": "main", "order_id": "x" * 256, "status": "ready"},
        {"type": "order", "store_id": "main", "order_ref": "x" * 256, "status": "ready"},
        {"type": "order", "store_id": "main", "order_ref": "1", "status": "x" * 100_000},
        {"type": "item", "store_id": "main", "item_id": "x" * 256, "available": False},
        {"type": "catalog", "store_id": "x" * 100_000},
    ],
    ids=["order_id", "order_ref", "status", "item_id", "store_id"],
)
def test_long_text_is_refused_and_reaches_neither_redis_nor_the_log(
    event: dict[str, Any], kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    (outcome,) = send(kit, event)
    assert outcome.startswith("refused: ")
    assert len(outcome) < 500
    assert kit.redis.llen(kit.keys.held_events) == 0
    assert not kit.availability.unavailable_items(kit.stores.get("main"))
    (line,) = (line for line in events if line["event"] == "pos_event_received")
    assert len(str(line)) < 1_000


# -- held events -------------------------------------------------------------------------------------------------------


def test_event_is_held_while_its_order_is_being_placed(kit: Kit) -> None:
    pending = OrderInPlacement(kit)
    events = [order("preparing", order_ref=pending.ref), order("ready", order_id=pending.pos_id)]
    assert send(kit, *events) == ["held", "held"]
    assert kit.pos_events.retry_held() == 0
    pending.placed()
    assert kit.pos_events.retry_held() == 2
    assert pending.appended == ["preparing", "ready"]
    assert kit.redis.llen(kit.keys.held_events) == 0


def test_held_event_survives_the_process_as_plain_json(kit: Kit) -> None:
    pending = OrderInPlacement(kit)
    send(kit, order("preparing", order_ref=pending.ref, estimated_ready_at="2031-05-01T18:30:00Z"))
    (raw,) = kit.redis.lrange(kit.keys.held_events, 0, -1)
    assert json.loads(raw)["event"]["estimated_ready_at"] == "2031-05-01T18:30:00Z"
    pending.placed()
    other = Kit(kit.settings)
    assert other.pos_events.retry_held() == 1
    other.redis.connection_pool.disconnect()
    assert kit.lanes.waiting(pending.lane)[-1]["body"]["estimatedReadyAt"] == "2031-05-01T18:30:00Z"


@pytest.mark.parametrize("name", ["order_ref", "order_id"])
def test_held_events_are_appended_before_a_new_one(name: str, kit: Kit) -> None:
    pending = OrderInPlacement(kit)
    pending.pos_id = 'Ł "7" \\ 🍕'
    named = {name: {"order_ref": pending.ref, "order_id": pending.pos_id}[name]}
    early, late = "2031-05-01T18:30:00Z", "2031-05-01T18:45:00Z"
    send(kit, order("preparing", estimated_ready_at=early, **named))
    pending.placed()
    assert send(kit, order("preparing", estimated_ready_at=late, **named)) == ["ok"]
    kit.pos_events.retry_held()
    assert kit.lanes.waiting(pending.lane)[-1]["body"]["estimatedReadyAt"] == late


def test_events_of_other_orders_are_not_looked_at_again_by_each_event(kit: Kit) -> None:
    def commands(number: int) -> int:
        before = int(kit.redis.info("stats")["total_commands_processed"])
        assert send(kit, *(order("ready", order_id=f"{number}-{each}") for each in range(number))) == ["held"] * number
        return int(kit.redis.info("stats")["total_commands_processed"]) - before

    send(kit, order("ready", order_id="first"))
    few, many = commands(10), commands(40)
    assert many < 5 * few


def test_events_of_an_unknown_order_raise_one_alert(
    make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_kit()
    assert send(kit, order("preparing", order_id="77"), order("ready", order_id="77")) == ["held", "held"]
    assert kit.pos_events.retry_held() == 0
    kit = make_kit(event_hold_timeout=0.001, key_prefix=kit.settings.key_prefix)
    assert kit.pos_events.retry_held() == 2
    assert kit.redis.llen(kit.keys.held_events) == 0
    assert [event["order"] for event in events if event.get("kind") == "order_unknown_at_gett"] == ["main/77"]
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["order"]) == ("order_unknown_at_gett", "main/77")
    assert kit.redis.hget(kit.keys.alert_counts, "order_unknown_at_gett") == b"1"


def test_event_of_an_order_without_a_gett_id_waits_unlinked(kit: Kit) -> None:
    placed = OrderInPlacement(kit, gett_id="").placed()
    assert send(kit, order("preparing", order_id=placed.pos_id)) == ["ok"]
    assert kit.lanes.all_waiting() == {placed.lane: "unlinked"}


def test_order_without_a_record_is_found_by_its_lane(kit: Kit) -> None:
    placed = OrderInPlacement(kit).placed()
    send(kit, order("preparing", order_id=placed.pos_id))
    kit.redis.delete(kit.keys.order(placed.ref))
    assert send(kit, order("ready", order_id=placed.pos_id)) == ["ok"]
