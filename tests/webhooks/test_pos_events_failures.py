"""POS events one of which fails: the others are handled all the same, and no held event is tried for ever."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any
from uuid import uuid4

import pytest

from webhook_kit.adapter import ItemChanged, OrderChanged, OrderStatus, PosEvent, Store, StoreChanged, StoreState
from webhook_kit.app import create_app
from webhook_kit.errors import NotPlaced, PosTimeout, Unsupported
from webhook_kit.kit import Kit
from webhook_kit.outbox.order_updates import OrderUpdates
from webhook_kit.publishing.availability import ItemAvailability
from webhook_kit.stores import StoreDirectory, directory
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.webhooks.pos_order_events import PosOrderEvents

Events = list[MutableMapping[str, Any]]


def receive(kit: Kit, monkeypatch: pytest.MonkeyPatch, *pos_events: PosEvent) -> Any:
    monkeypatch.setattr(BogusAdapter, "parse_event", lambda *_: pos_events)
    return create_app(kit).test_client().post("/pos/bogus/events", data=b"{}").json


def hold(kit: Kit, *orders: str) -> None:
    for order in orders:
        event = {"store_id": "main", "order_id": order, "status": "ready"}
        kit.redis.rpush(kit.keys.held_events, json.dumps({"at": 1, "event": event}))


def fail_for(monkeypatch: pytest.MonkeyPatch, order: str, error: Exception) -> None:
    """Let the append of one order's events fail."""
    original = OrderUpdates.find_by_pos_reference

    def find(self: OrderUpdates, store_id: str, partner_order_id: str, order_ref: str) -> Any:
        if partner_order_id == order:
            raise error
        return original(self, store_id, partner_order_id, order_ref)

    monkeypatch.setattr(OrderUpdates, "find_by_pos_reference", find)


def test_event_that_fails_does_not_stop_the_others(kit: Kit, monkeypatch: pytest.MonkeyPatch, events: Events) -> None:
    def fail(*_: Any) -> Any:
        raise TypeError("a bug")

    monkeypatch.setattr(ItemAvailability, "mark_unavailable", fail)
    answer = receive(kit, monkeypatch, ItemChanged("main", "cola", False), StoreChanged("main", StoreState.CLOSED))
    assert answer["status"] == 503
    assert kit.store_status.pause_owner(kit.stores.get("main")) is not None
    assert "pos_event_failed" in [event["event"] for event in events]


def test_half_an_emoji_in_an_event_is_replaced(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = OrderChanged("main", "A-\ud83d", reason="\ud83d", status=OrderStatus.READY)
    item = ItemChanged("main", "\ud83d", False)
    assert receive(kit, monkeypatch, changed, item) == ["held", "ok"]
    assert json.loads(kit.redis.lrange(kit.keys.held_events, 0, -1)[0])["event"]["order_id"] == "A-\ufffd"


@pytest.mark.parametrize("error", [TypeError("a bug"), PosTimeout("a bug", retry_after=1)], ids=repr)
def test_held_event_that_fails_is_given_up_with_an_alert(
    error: Exception, make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    kit = make_kit(event_hold_timeout=0.001)
    hold(kit, "broken", "unknown")
    fail_for(monkeypatch, "broken", error)
    assert kit.pos_events.retry_held() == 2
    assert kit.redis.llen(kit.keys.held_events) == 0
    alerts = {event["order"]: event["why"] for event in events if event["event"] == "alert_raised"}
    assert alerts.keys() == {"main/broken", "main/unknown"}
    assert "a bug" in alerts["main/broken"]


def test_held_event_that_fails_does_not_stop_the_others(
    make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    kit = make_kit(event_hold_timeout=0.001)
    hold(kit, "1", "2")
    record = PosOrderEvents.record

    def fail_once(*arguments: Any) -> None:
        monkeypatch.setattr(PosOrderEvents, "record", record)
        raise TypeError("a bug")

    monkeypatch.setattr(PosOrderEvents, "record", fail_once)
    kit.pos_events.retry_held()
    assert kit.redis.llen(kit.keys.held_events) == 0


def test_held_event_that_cannot_be_read_is_discarded(kit: Kit, events: Events) -> None:
    kit.redis.rpush(kit.keys.held_events, b"\xff", "{}", '{"at": 1, "event": {"store_id": "main", "status": "x"}}')
    assert kit.pos_events.retry_held() == 3
    assert [event["event"] for event in events] == ["held_event_discarded"] * 3


def test_parse_event_that_blocks_is_not_waited_for(
    make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    released = threading.Event()
    monkeypatch.setattr(BogusAdapter, "parse_event", lambda *_: released.wait())
    client = create_app(make_kit(pos_deadline=0.1)).test_client()
    assert [client.post("/pos/bogus/events", data=b"{}").status_code for _ in range(20)] == [503] * 20
    released.set()


def test_webhooks_of_strangers_do_not_walk_over_all_stores(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    walks: list[StoreDirectory] = []
    walk = StoreDirectory.__iter__

    def counted(stores: StoreDirectory) -> Iterator[Store]:
        walks.append(stores)
        return walk(stores)

    monkeypatch.setattr(StoreDirectory, "__iter__", counted)
    monkeypatch.setattr(directory, "_MAX_AGE", 3600.0)
    client = create_app(kit).test_client()
    walks.clear()
    for adapter in ("bogus", "unheard-of") * 10:
        assert client.post(f"/pos/{adapter}/events", data=b"{}").status_code in (401, 404)
    assert len(walks) == 1


def test_store_that_is_added_is_served_at_once(kit: Kit) -> None:
    assert set(kit.stores.by_adapter("bogus")) == {"main"}
    kit.stores.add(Store("second", str(uuid4()), "bogus"))
    assert set(kit.stores.by_adapter("bogus")) == {"main", "second"}


def test_event_for_an_adapter_without_stores_is_logged(kit: Kit, events: Events) -> None:
    assert create_app(kit).test_client().post(f"/pos/{'x' * 500}/events", data=b"{}").status_code == 404
    (line,) = [event for event in events if event["event"] == "pos_event_adapter_unknown"]
    assert line["adapter"] == "x" * 200
    assert line["log_level"] == "warning"


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (Unsupported("no events"), "pos_event_not_supported", 404),
        (PosTimeout("too slow", retry_after=5), "pos_event_details_unavailable", 503),
        (NotPlaced("refused connection"), "pos_event_details_unavailable", 503),
    ],
)
def test_event_that_an_adapter_cannot_parse_now_is_logged(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, events: Events, error: Exception, line: str, status: int
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(BogusAdapter, "parse_event", fail)
    assert create_app(kit).test_client().post("/pos/bogus/events", data=b"{}").status_code == status
    assert ("bogus", line) in [(event.get("adapter"), event["event"]) for event in events]
