"""The POS's own webhooks: who may send them, what becomes of each event, and that none is lost."""

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
from webhook_kit.placement.idempotency_store import Claim
from webhook_kit.storage.connection import text
from webhook_kit.stores.status import Owner
from webhook_kit.testing.bogus import BogusAdapter

SECRET = {"x-bogus-secret": "bogus-secret"}


class Scripted(BogusAdapter):
    """Reads every body as what the test says, or raises it."""

    says: ClassVar[Any] = ()

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        if isinstance(self.says, BaseException):
            raise self.says
        said: Sequence[PosEvent] = self.says
        return said


class Silent(BogusAdapter):
    parse_event = PosAdapter.parse_event


class Attentive(BogusAdapter):
    """Believes whoever knows the token of a store."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        tokens = {store.credentials["token"]: store for store in stores.values()}
        return [StoreChanged(tokens[headers["x-token"]].id, StoreState.CLOSED)]


SCRIPTED = f"{__name__}:Scripted"


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """What goes wrong on purpose is not worth printing."""


def post(kit: Kit, body: Any, adapter: str = "bogus", headers: Mapping[str, str] = SECRET) -> TestResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return create_app(kit).test_client().post(f"/pos/{adapter}/events", data=raw, headers=dict(headers))


def send(kit: Kit, *said: dict[str, Any]) -> list[str]:
    answer = post(kit, {"events": list(said)})
    assert answer.status_code == 200, answer.text
    outcomes: list[str] = json.loads(answer.text)
    return outcomes


def order(status: str | None = None, **members: Any) -> dict[str, Any]:
    return {"type": "order", "store_id": "main", "status": status, **members}


class Placing:
    """An order's placement, as far as a test lets it go."""

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

    def done(self) -> Placing:
        self.kit.placement.record(self.claim, self.order, Placed(self.pos_id, PlacedStatus.PENDING))
        return self

    @property
    def lane(self) -> str:
        return lane_name(Kind.ORDER, self.ref)

    @property
    def told(self) -> list[str]:
        appended = [note["body"] for note in self.kit.lanes.history(self.lane) if note["what"] == "appended"]
        return [body.get("status") or body["state"] for body in appended]


# -- who may send, and what is read ------------------------------------------------------------------------------------


def test_an_adapter_that_serves_no_store_is_not_found(kit: Kit) -> None:
    answer = post(kit, {"events": []}, adapter="toast")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_an_adapter_goes_by_the_name_its_stores_use(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(pos_adapter="webhook_kit.testing.bogus:BogusAdapter")
    assert post(kit, {"events": []}, adapter="webhook_kit.testing.bogus:BogusAdapter").status_code == 200
    assert post(kit, {"events": []}).status_code == 404


def test_a_wrong_secret_is_401_and_changes_nothing(kit: Kit) -> None:
    placed = Placing(kit).done()
    said = {"events": [order("preparing", order_id=placed.pos_id)]}
    for headers in ({}, {"x-bogus-secret": "guessed"}, {"x-bogus-secret": "ß"}):
        answer = post(kit, said, headers=headers)
        assert answer.status_code == 401
        assert answer.json is not None
        assert answer.json["errorCode"] == "UNAUTHENTICATED"
    assert placed.told == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"events": 5}', b'{"events": [{"type": "weather"}]}', b"\xff"])
def test_a_body_that_the_adapter_cannot_read_is_400(body: bytes, kit: Kit) -> None:
    assert post(kit, body).status_code == 400


def test_a_body_that_is_too_large_is_413(kit: Kit) -> None:
    assert post(kit, b" " * (1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    ("says", "status"),
    [
        (InvalidSignature("not ours"), 401),
        (KeyError("order"), 400),
        (TypeError("no list"), 400),
        (requests.exceptions.ReadTimeout("slow"), 503),
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
def test_what_an_adapter_does_wrong_is_worth_another_try_unless_the_body_is_at_fault(
    says: Any, status: int, make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scripted, "says", says)
    answer = post(make_kit(pos_adapter=SCRIPTED), b"", adapter=SCRIPTED)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    if status == 503:
        assert int(answer.headers["Retry-After"]) > 0


def test_an_adapter_receives_its_stores_with_their_credentials(
    make_kit: Callable[..., Kit],
) -> None:
    attentive = f"{__name__}:Attentive"
    kit = make_kit(pos_adapter=attentive, store_credentials={"token": "t-1"})
    assert post(kit, {}, attentive, {"x-token": "t-1"}).text.strip() == '["ok"]'
    assert post(kit, {}, attentive, {"x-token": "t-2"}).status_code == 400


def test_an_adapter_without_events_is_404(make_kit: Callable[..., Kit]) -> None:
    spec = f"{__name__}:Silent"
    assert post(make_kit(pos_adapter=spec), b"", adapter=spec).status_code == 404


def test_without_redis_the_pos_is_asked_to_come_again(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    answer = post(kit, {"events": [order("ready", order_id="1")]})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


# -- orders ------------------------------------------------------------------------------------------------------------


def test_progress_goes_to_the_orders_lane_by_either_name(kit: Kit) -> None:
    placed = Placing(kit).done()
    said = [order("confirmed", order_id=placed.pos_id), order("preparing", order_ref=placed.ref)]
    assert send(kit, *said) == ["ok", "ok"]
    assert placed.told == ["confirmed", "preparing"]
    assert kit.redis.zscore(kit.keys.unconfirmed, placed.ref) is None


def test_what_was_said_before_or_is_late_is_taken_and_changes_nothing(kit: Kit) -> None:
    placed = Placing(kit).done()
    said = [
        order("ready", order_id=placed.pos_id),
        order("ready", order_id=placed.pos_id),
        order("confirmed", order_id=placed.pos_id),
        order(None, state="completed", order_id=placed.pos_id),
        order("ready", order_id=placed.pos_id),
    ]
    assert send(kit, *said) == ["ok", "same", "stale", "ok", "closed"]
    assert placed.told == ["ready", "completed"]
    counted = {text(name): int(number) for name, number in kit.redis.hgetall(kit.keys.pos_event_counts).items()}
    assert counted == {"ok": 2, "same": 1, "stale": 1, "closed": 1}


@pytest.mark.parametrize("status", ["pending", "burnt", None])
def test_an_impossible_status_is_refused_with_the_reason_and_not_held(status: str | None, kit: Kit) -> None:
    (outcome,) = send(kit, order(status, order_id="unheard of"))
    assert outcome.startswith("refused: ")
    assert kit.redis.llen(kit.keys.held_events) == 0


@pytest.mark.parametrize(
    ("event", "why"),
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
def test_a_wrong_value_is_refused_with_its_field_and_the_allowed_values(
    event: dict[str, Any], why: str, kit: Kit
) -> None:
    assert send(kit, event) == [f"refused: {why}"]


def test_a_cancellation_without_a_word_is_one_all_the_same(kit: Kit) -> None:
    placed = Placing(kit).done()
    assert send(kit, order(None, state="cancelled", order_id=placed.pos_id)) == ["ok"]
    (waiting,) = kit.lanes.waiting(placed.lane)
    assert waiting["body"] == {"state": "cancelled", "cancelReason": "cancelled at the POS"}


def test_an_estimate_goes_along_until_the_food_is_ready(kit: Kit) -> None:
    placed = Placing(kit).done()
    at = "2031-05-01T18:30:00Z"
    assert send(kit, order("preparing", order_id=placed.pos_id, estimated_ready_at=at)) == ["ok"]
    assert kit.lanes.waiting(placed.lane)[-1]["body"] == {"status": "preparing", "estimatedReadyAt": at}
    assert send(kit, order("ready", order_id=placed.pos_id, estimated_ready_at=at)) == ["ok"]
    assert kit.lanes.waiting(placed.lane)[-1]["body"] == {"status": "ready"}


def test_a_pos_cannot_speak_for_a_store_or_an_order_that_is_not_its_own(kit: Kit) -> None:
    placed = Placing(kit).done()
    elsewhere = [order("ready", store_id="other", order_ref=placed.ref), {"type": "menu", "store_id": "other"}]
    assert all(outcome.startswith("refused: ") for outcome in send(kit, *elsewhere))
    assert placed.told == []
    foreign = Placing(kit, store_id="other").done()
    assert send(kit, order("ready", order_ref=foreign.ref)) == ["held"]
    assert foreign.told == []


# -- held --------------------------------------------------------------------------------------------------------------


def test_an_event_of_an_order_that_is_being_placed_is_held_until_it_is_placed(kit: Kit) -> None:
    placing = Placing(kit)
    said = [order("preparing", order_ref=placing.ref), order("ready", order_id=placing.pos_id)]
    assert send(kit, *said) == ["held", "held"]
    assert kit.pos_events.retry_held() == 0
    placing.done()
    assert kit.pos_events.retry_held() == 2
    assert placing.told == ["preparing", "ready"]
    assert kit.redis.llen(kit.keys.held_events) == 0


def test_what_is_held_survives_the_process_and_is_plain_json(kit: Kit) -> None:
    placing = Placing(kit)
    send(kit, order("preparing", order_ref=placing.ref, estimated_ready_at="2031-05-01T18:30:00Z"))
    (raw,) = kit.redis.lrange(kit.keys.held_events, 0, -1)
    assert json.loads(raw)["event"]["estimated_ready_at"] == "2031-05-01T18:30:00Z"
    placing.done()
    other = Kit(kit.settings)
    assert other.pos_events.retry_held() == 1
    other.redis.connection_pool.disconnect()
    assert kit.lanes.waiting(placing.lane)[-1]["body"]["estimatedReadyAt"] == "2031-05-01T18:30:00Z"


def test_what_was_said_earlier_is_told_earlier(kit: Kit) -> None:
    placing = Placing(kit)
    early, late = "2031-05-01T18:30:00Z", "2031-05-01T18:45:00Z"
    send(kit, order("preparing", order_ref=placing.ref, estimated_ready_at=early))
    placing.done()
    assert send(kit, order("preparing", order_ref=placing.ref, estimated_ready_at=late)) == ["ok"]
    kit.pos_events.retry_held()
    assert kit.lanes.waiting(placing.lane)[-1]["body"]["estimatedReadyAt"] == late


def test_an_order_that_nobody_knows_becomes_one_alert(
    make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_kit()
    assert send(kit, order("preparing", order_id="77"), order("ready", order_id="77")) == ["held", "held"]
    assert kit.pos_events.retry_held() == 0
    kit = make_kit(event_hold_timeout=0.001, key_prefix=kit.settings.key_prefix)
    assert kit.pos_events.retry_held() == 2
    assert kit.redis.llen(kit.keys.held_events) == 0
    assert [event["order"] for event in events if event["event"] == "ticket unknown to Gett"] == ["main/77"]
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["order"]) == ("ticket unknown to Gett", "main/77")
    assert kit.redis.hget(kit.keys.alert_counts, "ticket unknown to Gett") == b"1"


def test_progress_of_an_order_without_a_gett_id_waits_unlinked(kit: Kit) -> None:
    placed = Placing(kit, gett_id="").done()
    assert send(kit, order("preparing", order_id=placed.pos_id)) == ["ok"]
    assert kit.lanes.all_waiting() == {placed.lane: "unlinked"}


def test_an_order_whose_record_is_gone_is_known_by_its_lane(kit: Kit) -> None:
    placed = Placing(kit).done()
    send(kit, order("preparing", order_id=placed.pos_id))
    kit.redis.delete(kit.keys.order(placed.ref))
    assert send(kit, order("ready", order_id=placed.pos_id)) == ["ok"]


# -- stores and menus --------------------------------------------------------------------------------------------------


def store(state: StoreState, **members: Any) -> dict[str, Any]:
    return {"type": "store", "store_id": "main", "state": state, **members}


@pytest.mark.parametrize("state", [StoreState.CLOSED, StoreState.DOWN])
def test_a_store_that_closes_is_paused_and_resumed(state: StoreState, kit: Kit) -> None:
    lane = lane_name(Kind.STORE, "main")
    assert send(kit, store(state), store(state)) == ["ok", "same"]
    assert json.loads(kit.lanes.state(lane)["last"]) == {"status": "paused", "reason": "operational_issues"}
    (main,) = kit.stores
    assert kit.store_status.pause_owner(main) is Owner.POS
    assert send(kit, store(StoreState.OPEN)) == ["ok"]
    assert json.loads(kit.lanes.state(lane)["last"]) == {"status": "online"}


def test_a_reason_in_the_poss_own_words_does_not_cost_the_pause(kit: Kit) -> None:
    assert send(kit, store(StoreState.CLOSED, reason="Feierabend")) == ["ok"]
    assert json.loads(kit.lanes.state("store:main")["last"])["reason"] == "other"


def test_what_a_person_paused_a_pos_neither_changes_nor_lifts(kit: Kit) -> None:
    kit.store_status.pause("main", "too_busy")
    closed, opened = send(kit, store(StoreState.CLOSED), store(StoreState.OPEN))
    assert closed == "same"
    assert opened.startswith("refused: ")
    assert "person" in opened
    assert json.loads(kit.lanes.state("store:main")["last"])["reason"] == "too_busy"


def test_a_menu_that_changed_is_for_a_worker_to_synchronise(kit: Kit) -> None:
    assert send(kit, {"type": "menu", "store_id": "main"}, {"type": "menu", "store_id": "main"}) == ["ok", "ok"]
    assert list(kit.catalog_sync.claim_due()) == [("sync", "main")]
    assert list(kit.catalog_sync.claim_due()) == []


def item(*, available: bool, until: str | None = None) -> dict[str, Any]:
    return {"type": "item", "store_id": "main", "item_id": "burger", "available": available, "until": until}


def test_an_item_runs_out_and_is_back(kit: Kit) -> None:
    assert send(kit, item(available=False), item(available=False)) == ["ok", "same"]
    assert kit.availability.unavailable_items("main") == {"burger": None}
    assert send(kit, item(available=True), item(available=True)) == ["ok", "same"]
    assert kit.availability.unavailable_items("main") == {}


def test_a_moment_that_is_past_or_nowhere_is_refused(kit: Kit) -> None:
    for until in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00"):
        (outcome,) = send(kit, item(available=False, until=until))
        assert outcome.startswith("refused: ")
    assert kit.availability.unavailable_items("main") == {}
    assert send(kit, item(available=False, until="2999-01-01T00:00:00Z")) == ["ok"]


def test_a_poss_order_id_means_something_within_its_store_only(kit: Kit) -> None:
    placed = Placing(kit).done()
    assert kit.order_updates.find_by_pos_id("main", placed.pos_id) is not None
    assert kit.order_updates.find_by_pos_id("elsewhere", placed.pos_id) is None
