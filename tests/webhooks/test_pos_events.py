"""Webhooks of a POS: authentication, the effect of each event, and that no event is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar
from uuid import uuid4

import pytest
import requests
from werkzeug.test import TestResponse

from webhook_kit.adapter import (
    OrderChanged,
    Placed,
    PlacedStatus,
    PosAdapter,
    PosEvent,
    Store,
    StoreChanged,
    StoreState,
)
from webhook_kit.app import create_app
from webhook_kit.errors import InvalidSignature, PosTimeout
from webhook_kit.gett.models.order import Amounts, Cart, LineItem, PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.claims import Claim
from webhook_kit.storage.connection import text
from webhook_kit.stores.status import Owner
from webhook_kit.testing.bogus import BogusAdapter

SECRET = {"x-bogus-secret": "bogus-secret"}


class ScriptedAdapter(BogusAdapter):
    """Parses every body as the result that the test sets, or raises it."""

    result: ClassVar[Any] = ()

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        if isinstance(self.result, BaseException):
            raise self.result
        events: Sequence[PosEvent] = self.result
        return events


class AdapterWithoutEvents(BogusAdapter):
    parse_event = PosAdapter.parse_event


class AdapterWithTokens(BogusAdapter):
    """Accepts events that carry the token of a store."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        tokens = {store.credentials["token"]: store for store in stores.values()}
        return [StoreChanged(tokens[headers["x-token"]].id, StoreState.CLOSED)]


SCRIPTED = f"{__name__}:ScriptedAdapter"


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """Capture the log, so that expected errors are not printed."""


def post(kit: Kit, body: Any, adapter: str = "bogus", headers: Mapping[str, str] = SECRET) -> TestResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return create_app(kit).test_client().post(f"/pos/{adapter}/events", data=raw, headers=dict(headers))


def send(kit: Kit, *events: dict[str, Any]) -> list[str]:
    answer = post(kit, {"events": list(events)})
    assert answer.status_code == 200, answer.text
    outcomes: list[str] = json.loads(answer.text)
    return outcomes


def order(status: str | None = None, **members: Any) -> dict[str, Any]:
    return {"type": "order", "store_id": "main", "status": status, **members}


class OrderInPlacement:
    """An order whose placement has begun."""

    def __init__(self, kit: Kit, *, gett_id: str | None = None, store_id: str = "main") -> None:
        self.kit = kit
        self.ref = f"o-{uuid4()}"
        self.pos_id = f"pos-{uuid4()}"
        self.order = PlaceOrderRequest(
            cart=Cart(store_id="s", line_items=[LineItem(item_id="cola")]), fulfillment_type="Pickup", amounts=Amounts()
        )
        gett_id = self.ref if gett_id is None else gett_id
        claim = kit.placement_store.claim(key=self.ref, gett_id=gett_id, store_id=store_id, fingerprint="fp")
        assert isinstance(claim, Claim)
        self.claim = claim
        assert kit.placement_store.record_call(claim, self.order.to_json())

    def placed(self) -> OrderInPlacement:
        self.kit.placement.record(self.claim, self.order, Placed(self.pos_id, PlacedStatus.PENDING))
        return self

    @property
    def lane(self) -> str:
        return lane_name(Kind.ORDER, self.ref)

    @property
    def appended(self) -> list[str]:
        bodies = [note["body"] for note in self.kit.lanes.history(self.lane) if note["event"] == "appended"]
        return [body.get("status") or body["state"] for body in bodies]


# -- authentication and parsing ----------------------------------------------------------------------------------------


def test_adapter_without_a_store_is_not_found(kit: Kit) -> None:
    answer = post(kit, {"events": []}, adapter="toast")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_adapter_is_found_by_the_name_that_its_stores_use(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(pos_adapter="webhook_kit.testing.bogus:BogusAdapter")
    assert post(kit, {"events": []}, adapter="webhook_kit.testing.bogus:BogusAdapter").status_code == 200
    assert post(kit, {"events": []}).status_code == 404


def test_wrong_secret_is_401_and_changes_nothing(kit: Kit) -> None:
    placed = OrderInPlacement(kit).placed()
    body = {"events": [order("preparing", order_id=placed.pos_id)]}
    for headers in ({}, {"x-bogus-secret": "guessed"}, {"x-bogus-secret": "ß"}):
        answer = post(kit, body, headers=headers)
        assert answer.status_code == 401
        assert answer.json is not None
        assert answer.json["errorCode"] == "UNAUTHENTICATED"
    assert placed.appended == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"events": 5}',
        b'{"events": [{"type": "weather"}]}',
        b"\xff",
        b'{"events": ' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_body_that_the_adapter_cannot_parse_is_400(body: bytes, kit: Kit) -> None:
    assert post(kit, body).status_code == 400


def test_too_large_body_is_413(kit: Kit) -> None:
    assert post(kit, b" " * (1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (InvalidSignature("not ours"), 401),
        (KeyError("order"), 400),
        (TypeError("no list"), 400),
        (OverflowError("cannot convert float infinity to integer"), 400),  # JSON may have 1e400
        (requests.exceptions.ReadTimeout("slow"), 503),
        (requests.exceptions.JSONDecodeError("the POS sent a page", "<h1>", 0), 503),
        (PosTimeout("slow", retry_after=7), 503),
        (RuntimeError("a bug"), 503),
        (None, 503),
        ("ok", 503),
        (["ok"], 503),
        ([OrderChanged(5, status=["ready"])], 503),  # type: ignore[arg-type]
        ([StoreChanged("main", "ajar")], 503),  # type: ignore[arg-type]
        ((), 200),
    ],
)
def test_failure_of_an_adapter_is_503_unless_it_is_caused_by_the_request(
    result: Any, status: int, make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedAdapter, "result", result)
    answer = post(make_kit(pos_adapter=SCRIPTED), b"", adapter=SCRIPTED)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    if status == 503:
        assert int(answer.headers["Retry-After"]) > 0


def test_adapter_gets_its_stores_with_their_credentials(
    make_kit: Callable[..., Kit],
) -> None:
    spec = f"{__name__}:AdapterWithTokens"
    kit = make_kit(pos_adapter=spec, store_credentials={"token": "t-1"})
    assert post(kit, {}, spec, {"x-token": "t-1"}).text.strip() == '["ok"]'
    assert post(kit, {}, spec, {"x-token": "t-2"}).status_code == 400


def test_adapter_without_events_is_404(make_kit: Callable[..., Kit]) -> None:
    spec = f"{__name__}:AdapterWithoutEvents"
    assert post(make_kit(pos_adapter=spec), b"", adapter=spec).status_code == 404


def test_unreachable_redis_is_a_503(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    answer = post(kit, {"events": [order("ready", order_id="1")]})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


# -- orders ------------------------------------------------------------------------------------------------------------


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


# -- stores and catalogs -----------------------------------------------------------------------------------------------


def store(state: StoreState, **members: Any) -> dict[str, Any]:
    return {"type": "store", "store_id": "main", "state": state, **members}


@pytest.mark.parametrize("state", [StoreState.CLOSED, StoreState.DOWN])
def test_store_that_closes_is_paused_and_resumed(state: StoreState, kit: Kit) -> None:
    lane = lane_name(Kind.STORE, "main")
    assert send(kit, store(state), store(state)) == ["ok", "duplicate"]
    assert json.loads(kit.lanes.state(lane)["last"]) == {"status": "paused", "reason": "operational_issues"}
    (main,) = kit.stores
    assert kit.store_status.pause_owner(main) is Owner.POS
    assert send(kit, store(StoreState.OPEN)) == ["ok"]
    assert json.loads(kit.lanes.state(lane)["last"]) == {"status": "online"}


def test_unknown_reason_does_not_prevent_the_pause(kit: Kit) -> None:
    assert send(kit, store(StoreState.CLOSED, reason="Feierabend")) == ["ok"]
    assert json.loads(kit.lanes.state("store:main")["last"])["reason"] == "other"


def test_pause_by_a_person_is_not_changed_by_the_pos(kit: Kit) -> None:
    kit.store_status.pause("main", "too_busy")
    closed, opened = send(kit, store(StoreState.CLOSED), store(StoreState.OPEN))
    assert closed == "duplicate"
    assert opened.startswith("refused: ")
    assert "person" in opened
    assert json.loads(kit.lanes.state("store:main")["last"])["reason"] == "too_busy"


def test_changed_catalog_is_due_for_a_worker_once(kit: Kit) -> None:
    assert send(kit, {"type": "catalog", "store_id": "main"}, {"type": "catalog", "store_id": "main"}) == ["ok", "ok"]
    assert list(kit.catalog_sync.claim_due()) == [("sync", "main")]
    assert list(kit.catalog_sync.claim_due()) == []


def item(*, available: bool, until: str | None = None) -> dict[str, Any]:
    return {"type": "item", "store_id": "main", "item_id": "burger", "available": available, "until": until}


def test_item_becomes_unavailable_and_available_again(kit: Kit) -> None:
    assert send(kit, item(available=False), item(available=False)) == ["ok", "duplicate"]
    assert kit.availability.unavailable_items("main") == {"burger": None}
    assert send(kit, item(available=True), item(available=True)) == ["ok", "duplicate"]
    assert kit.availability.unavailable_items("main") == {}


def test_time_in_the_past_or_without_a_zone_is_refused(kit: Kit) -> None:
    for until in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00"):
        (outcome,) = send(kit, item(available=False, until=until))
        assert outcome.startswith("refused: ")
    assert kit.availability.unavailable_items("main") == {}
    assert send(kit, item(available=False, until="2999-01-01T00:00:00Z")) == ["ok"]
